import { spawn } from 'node:child_process';

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  input?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** A program that ran and said no; the message carries what it said, since that is where the reason stands. */
export class CommandFailed extends Error {
  readonly output: Output;

  constructor(argv: readonly string[], output: Output) {
    const said = (output.stderr.trim() || output.stdout.trim()).split('\n').slice(-12).join('\n');
    super(`${argv.join(' ')}: exit ${output.code}${said === '' ? '' : `: ${said}`}`);
    this.name = 'CommandFailed';
    this.output = output;
  }
}

/** Runs a program to its end, whatever its exit code. */
export function attempt(argv: readonly string[], options: CommandOptions = {}, signal?: AbortSignal): Promise<Output> {
  const [program, ...rest] = argv;
  if (program === undefined) throw new Error('attempt: no program named');
  const child = spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.env && { env: options.env }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(signal && { signal }),
  });
  return collect(child, options.input);
}

/** The whole of what a child with piped streams says, once it has ended. */
export function collect(child: ReturnType<typeof spawn>, input?: string | Buffer): Promise<Output> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program may end without reading all of its input; its exit code tells, the broken pipe does not.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, killedBy) =>
      resolve({
        code: code ?? 128,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString() + (killedBy === null ? '' : `killed by ${killedBy}`),
      }),
    );
  });
}

/** Runs a program that has to succeed. */
export async function run(
  argv: readonly string[],
  options: CommandOptions = {},
  signal?: AbortSignal,
): Promise<string> {
  const output = await attempt(argv, options, signal);
  if (output.code !== 0) throw new CommandFailed(argv, output);
  return output.stdout;
}
