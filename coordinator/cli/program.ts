/** What every program of ours that asks the coordinator has: flags for the way there, how to print, and how it ends. */
import { type Command, CommanderError, Option } from 'commander';
import { complete } from './complete/complete.ts';
import { printLines, processConsole as console } from './console.ts';
import { type ExitCode, exitCode, explain } from './exit.ts';
import type { Format } from './show.ts';
import type { Connection } from './way/connection.ts';
import { version } from './version.ts';
import { connect, type WayFlags } from './way/way.ts';

export interface CommonFlags extends WayFlags {
  output?: Exclude<Format, 'text'>;
}

let ended: ExitCode = exitCode.succeeded;

/** Every command can be told which cluster or coordinator is meant, as whom, and how to print. */
export function withCommonFlags(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'which cluster, as kubectl has it')
    .option('--context <name>', 'of the kubeconfig')
    .addOption(new Option('--podferry-namespace <namespace>', 'where Podferry is').default('podferry-system'))
    .addOption(new Option('--coordinator <host:port>', 'it listens here: no kubeconfig').env('PODFERRY_COORDINATOR'))
    .addOption(new Option('--tls-dir <directory>', 'your ca.crt, tls.crt and tls.key').env('PODFERRY_TLS_DIR'))
    .addOption(new Option('--token-file <file>', 'your token of Kubernetes').env('PODFERRY_TOKEN_FILE'))
    .addOption(new Option('--ca-file <file>', 'with a token: signs for the coordinator').env('PODFERRY_CA_FILE'))
    .option('--insecure-plaintext', 'no TLS (env: PODFERRY_INSECURE_PLAINTEXT)')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['json', 'yaml', 'wide']));
}

export async function connected(flags: WayFlags, work: (connection: Connection) => Promise<ExitCode>): Promise<void> {
  const connection = connect(flags, (line) => printLines(console, [line]));
  try {
    ended = await work(connection);
  } finally {
    await connection.close();
  }
}

/** To its end, and to its exit code. */
export async function runProgram(program: Command): Promise<void> {
  // Whoever reads may have seen enough (| head): no reason to fail, and none to go on.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  program.version(version, '--version', 'which one this is');
  // Asked by kubectl_complete-NAME, for kubectl.
  const [, , first, ...words] = process.argv;
  if (first === '__complete') {
    process.stdout.write(await complete(program, words));
    process.exit();
  }
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) ended = error.exitCode === 0 ? exitCode.succeeded : exitCode.refused;
    else {
      const { lines, code } = explain(error);
      printLines(console, lines);
      ended = code;
    }
  }
  process.exitCode = ended;
  // Whoever leaves without waiting has calls open.
  if (ended === exitCode.interrupted) process.exit();
}
