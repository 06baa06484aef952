#!/usr/bin/env node
/** Moves pods. On the PATH under this name kubectl finds it as "kubectl migrate". */
import { Command, CommanderError, Option } from 'commander';
import { urlForms } from '../probe/target.ts';
import { Connection, type ConnectionFlags } from './connection.ts';
import { printLines, processConsole } from './console.ts';
import { type ExitCode, exitCode, explain } from './exit.ts';
import type { FollowFlags } from './follow.ts';
import { cancel, get, list } from './list.ts';
import { migrate, type MigrateFlags, readFlags, strategyNames, transportNames } from './migrate.ts';
import { isNode, migrateNode, readNodeFlags } from './node.ts';
import { nodes } from './nodes.ts';
import type { Format } from './show.ts';
import { watch } from './watch.ts';

const console = processConsole;
let ended: ExitCode = exitCode.succeeded;

/** Every command can be told where the coordinator is and how to print. */
function withCommonFlags(command: Command): Command {
  return command
    .addOption(new Option('--coordinator <host:port>', 'where the coordinator listens').env('PODFERRY_COORDINATOR'))
    .addOption(new Option('--tls-dir <directory>', 'your ca.crt, tls.crt and tls.key').env('PODFERRY_TLS_DIR'))
    .addOption(new Option('--token-file <file>', 'your token of Kubernetes').env('PODFERRY_TOKEN_FILE'))
    .addOption(new Option('--ca-file <file>', 'with a token: signs for the coordinator').env('PODFERRY_CA_FILE'))
    .option('--insecure-plaintext', 'no TLS (env: PODFERRY_INSECURE_PLAINTEXT)')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['json', 'yaml', 'wide']));
}

async function connected(flags: ConnectionFlags, work: (connection: Connection) => Promise<ExitCode>): Promise<void> {
  const connection = new Connection(flags, (line) => printLines(console, [line]));
  try {
    ended = await work(connection);
  } finally {
    connection.close();
  }
}

type Reconnect = Pick<FollowFlags, 'reconnect'>;
const reconnect = ['--reconnect <span>', 'how long to look for a coordinator that went away (default 30s)'] as const;

interface CommonFlags extends ConnectionFlags {
  output?: Exclude<Format, 'text'>;
}

const program = new Command('kubectl migrate')
  .description('Move a running pod to another node, with its memory, open files and what it has acknowledged.')
  .exitOverride()
  .usage('POD --to NODE [flags]\n       kubectl migrate node/NODE [flags]\n       kubectl migrate COMMAND [flags]')
  .addHelpText(
    'after',
    '\nThe flags of a move: kubectl migrate pod --help. A pod with the name of a command: pod/NAME.\n' +
      'node/NODE moves all pods of a node that can move, of all namespaces unless -n says which, and tells of each other\n' +
      'one why it stays. "kubectl cordon NODE" first, or new ones may come. It ends with 1 when a pod stays, 3 when one failed.\n' +
      'Exit codes: 0 succeeded, 1 rolled back, 2 usage or refused (nothing was touched), 3 failed,\n' +
      '4 no answer from the coordinator, 130 interrupted.',
  );

withCommonFlags(program.command('pod <pod>', { isDefault: true }))
  .description('move a pod (the word "pod" may be left out)')
  .option('-n, --namespace <namespace>', 'of the pod; with node/NODE all, unless you name one', 'default')
  .option('--to <node>', 'where to; without it the coordinator picks')
  .option('--strategy <name>', strategyNames.join(', '), 'auto')
  .option('--transport <name>', transportNames.join(', '), 'stream')
  .option('--timeout <span>', 'of all up to the commit (default 120s)')
  .option('--freeze-timeout <span>', 'how long the pod may stand still before it is thawed again (default 10s)')
  .option('--linger <span>', 'how long the old address forwards (default 2s)')
  .option('--probe <url>', `ask the pod meanwhile, and say what its clients have missed: ${urlForms}`)
  .option('--dry-run', 'only ask whether it could move, and say every reason why not')
  .option(...reconnect)
  .option('--detach', 'start it, print its id and leave')
  .action(async (pod: string, flags: CommonFlags & Omit<MigrateFlags, 'output'>, command: Command) => {
    const all: MigrateFlags = { ...flags, output: flags.output ?? 'text' };
    if (isNode(pod)) {
      const namespace = command.getOptionValueSource('namespace') === 'cli' ? flags.namespace : '';
      const asked = readNodeFlags(pod, { ...all, namespace });
      return await connected(flags, async (connection) => await migrateNode(connection, asked, all, console));
    }
    const request = readFlags(pod, all);
    await connected(flags, async (connection) => await migrate(connection, request, all, console));
  });

withCommonFlags(program.command('list'))
  .description('migrations that the coordinator knows')
  .option('--running', 'only those that have not ended')
  .action(async (flags: CommonFlags & { running?: boolean }) => {
    await connected(flags, async (c) => await list(c, flags.running ?? false, flags.output ?? 'text', console));
  });

withCommonFlags(program.command('get <id>'))
  .description('one migration')
  .action(async (id: string, flags: CommonFlags) => {
    await connected(flags, async (c) => await get(c, id, flags.output ?? 'text', console));
  });

withCommonFlags(program.command('watch [id]'))
  .description('one migration to its end, or all')
  .option(...reconnect)
  .action(async (id: string | undefined, flags: CommonFlags & Reconnect) => {
    await connected(flags, async (c) => await watch(c, id, { ...flags, output: flags.output ?? 'text' }, console));
  });

withCommonFlags(program.command('cancel <id>'))
  .description('roll one back that is not committed yet, and wait for that')
  .option('--no-wait', 'do not wait')
  .option(...reconnect)
  .action(async (id: string, flags: CommonFlags & Reconnect & { wait: boolean }) => {
    await connected(flags, async (c) => await cancel(c, id, { ...flags, output: flags.output ?? 'text' }, console));
  });

withCommonFlags(program.command('nodes'))
  .description('nodes with an agent, and whether they can take part')
  .action(async (flags: CommonFlags) => {
    await connected(flags, async (c) => await nodes(c, flags.output ?? 'text', console));
  });

// Whoever reads may have seen enough (| head): no reason to fail, and none to go on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

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
