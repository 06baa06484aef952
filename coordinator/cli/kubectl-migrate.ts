#!/usr/bin/env node
/** Moves pods. On the PATH under this name kubectl finds it as "kubectl migrate". */
import { Command } from 'commander';
import { urlForms } from '../probe/target.ts';
import { processConsole } from './console.ts';
import { type CopiesFlags, readCopiesFlags, startCopies } from './copies.ts';
import type { FollowFlags } from './follow.ts';
import { cancel, get, list } from './list.ts';
import {
  migrate,
  type MigrateFlags,
  networkNames,
  readFlags,
  postCopyNotice,
  strategyNames,
  transportNames,
  waitNames,
} from './migrate.ts';
import { isNode, migrateNode, readNodeFlags } from './node.ts';
import { nodes } from './nodes.ts';
import { type CommonFlags, connected, runProgram, withCommonFlags } from './program.ts';
import { watch } from './watch.ts';
import { namespaceFor } from './way/way.ts';

const console = processConsole;
const ofNamespace = ['-n, --namespace <namespace>', 'without it all that you may see'] as const;
type Reconnect = Pick<FollowFlags, 'reconnect'>;
const reconnect = [
  '--reconnect <span>',
  'how long to look for a coordinator, or API server, that went away (default 30s)',
] as const;

const program = new Command('kubectl migrate')
  .description('Move a running pod to another node, with its memory, open files and what it has acknowledged.')
  .exitOverride()
  .usage(
    'POD --to NODE [flags]\n       kubectl migrate node/NODE [flags]\n' +
      '       kubectl migrate --from-checkpoint NAME [flags]\n       kubectl migrate COMMAND [flags]',
  )
  .addHelpText(
    'after',
    '\nThe flags of a move: kubectl migrate pod --help. A pod with the name of a command: pod/NAME.\n' +
      'node/NODE moves all pods of a node that can move, of all namespaces unless -n says which, and tells of each other\n' +
      'one why it stays. "kubectl cordon NODE" first, or new ones may come. It ends with 1 when a pod stays, 3 when one failed.\n' +
      'Exit codes: 0 succeeded, 1 rolled back, 2 usage or refused (nothing was touched), 3 failed,\n' +
      '4 no answer from the coordinator, 130 interrupted.',
  );

withCommonFlags(program.command('pod [pod]', { isDefault: true }))
  .description('move a pod (the word "pod" may be left out)')
  .option('-n, --namespace <namespace>', 'of the pod; with node/NODE all, unless you name one')
  .option('--to <node>', 'where to; without it the coordinator picks')
  .option('--strategy <name>', strategyNames.join(', '), 'auto')
  .addHelpText('after', `\n${postCopyNotice}.`)
  .option('--transport <name>', transportNames.join(', '), 'stream')
  .option('--timeout <span>', 'of all up to the commit (default 120s)')
  .option('--freeze-timeout <span>', 'how long the pod may stand still before it is thawed again (default 10s)')
  .option('--linger <span>', 'how long the old address forwards (default 2s)')
  .option(
    '--network <name>',
    `${networkNames.join(', ')}: what becomes of its connections; without it the best that both nodes can do`,
  )
  .option(
    '--connection-linger <span>',
    'how long connections may go by way of the node it has left; 0, or unlimited (default 30s)',
  )
  .option('--wait <for>', `${waitNames.join(' or ')}: also until no connection goes by way of that node`, 'moved')
  .option('--probe <url>', `ask the pod meanwhile, and say what its clients have missed: ${urlForms}`)
  .option('--dry-run', 'only ask whether it could move, and say every reason why not')
  .option(...reconnect)
  .option('--detach', 'start it, print its id and leave')
  .option('--from-checkpoint <name>', 'start new pods from a checkpoint, in the place of a move')
  .option('--replicas <n>', 'with --from-checkpoint: how many (default 1)')
  .action(
    async (
      pod: string | undefined,
      flags: CommonFlags & Omit<CopiesFlags, 'namespace'> & Omit<MigrateFlags, 'output' | 'namespace'>,
    ) => {
      const own = namespaceFor(flags);
      const copies = readCopiesFlags(pod, { ...flags, namespace: own });
      if (copies !== undefined) {
        return await connected(flags, async (c) => await startCopies(c, copies, flags.output ?? 'text', console));
      }
      const all: MigrateFlags = { ...flags, namespace: own, output: flags.output ?? 'text' };
      if (pod !== undefined && isNode(pod)) {
        const asked = readNodeFlags(pod, { ...all, namespace: flags.namespace ?? '' });
        return await connected(flags, async (connection) => await migrateNode(connection, asked, all, console));
      }
      const request = readFlags(pod ?? '', all);
      await connected(flags, async (connection) => await migrate(connection, request, all, console));
    },
  );

withCommonFlags(program.command('list'))
  .description('migrations that there are')
  .option(...ofNamespace)
  .option('--running', 'only those that have not ended')
  .action(async (flags: CommonFlags & { running?: boolean }) => {
    await connected(flags, async (c) => await list(c, flags.running ?? false, flags.output ?? 'text', console));
  });

withCommonFlags(program.command('get <id>'))
  .description('one migration')
  .option(...ofNamespace)
  .action(async (id: string, flags: CommonFlags) => {
    await connected(flags, async (c) => await get(c, id, flags.output ?? 'text', console));
  });

withCommonFlags(program.command('watch [id]'))
  .description('one migration to its end, or all')
  .option(...ofNamespace)
  .option(...reconnect)
  .action(async (id: string | undefined, flags: CommonFlags & Reconnect) => {
    await connected(flags, async (c) => await watch(c, id, { ...flags, output: flags.output ?? 'text' }, console));
  });

withCommonFlags(program.command('cancel <id>'))
  .description('roll one back that is not committed yet, and wait for that')
  .option(...ofNamespace)
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

// Not awaited here: a single executable is a script that cannot.
void runProgram(program);
