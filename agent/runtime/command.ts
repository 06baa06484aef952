/** Programs of the node that the agent runs: util-linux, nft, tar, criu. Never through a shell, never without a bound. */
import { execFile } from 'node:child_process';
import { Fault, type Reason } from '../../proto/fault.ts';

export interface CommandOptions {
  /** What to throw when it fails. */
  reason: Reason;
  /** What it is for, the beginning of the error's message. */
  what: string;
  stdin?: string | undefined;
  /** Milliseconds; 10,000 unless told. */
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Runs a program and gives its standard output. Its last words on standard error are in the Fault when it fails. */
export async function run(argv: readonly [string, ...string[]], options: CommandOptions): Promise<string> {
  const [program, ...rest] = argv;
  const { reason, what, stdin, timeout = 10_000, signal } = options;
  return await new Promise((resolve, reject) => {
    const child = execFile(
      program,
      rest,
      { timeout, maxBuffer: 16 << 20, ...(signal && { signal }) },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        reject(new Fault(reason, `${what}: ${explain(program, error, stderr, timeout)}`, { cause: error }));
      },
    );
    // A program that ends without reading breaks the pipe; its exit code is the error then, not this.
    child.stdin?.on('error', () => {});
    child.stdin?.end(stdin);
  });
}

function explain(
  program: string,
  error: Error & { code?: unknown; killed?: boolean },
  stderr: string,
  timeout: number,
): string {
  if (error.code === 'ENOENT') return `${program} is not installed on this node: install it`;
  if (error.killed === true) return `${program} did not end within ${timeout} ms`;
  return `${program} failed (${String(error.code)}): ${stderr.trim().split('\n').slice(-4).join(' | ') || error.message}`;
}
