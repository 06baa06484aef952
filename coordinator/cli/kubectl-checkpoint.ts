#!/usr/bin/env node
/** Keeps what pods have in memory and files. On the PATH under this name kubectl finds it as "kubectl checkpoint". */
import { Command } from 'commander';
import { checkpoint, type CheckpointFlags, deleteCheckpoint, listCheckpoints, readFlags } from './checkpoint.ts';
import { processConsole as console } from './console.ts';
import { type CommonFlags, connected, runProgram, withCommonFlags } from './program.ts';
import { namespaceFor } from './way/way.ts';

const ofNamespace = ['-n, --namespace <namespace>', 'of the pod and of its checkpoint'] as const;

const program = new Command('kubectl checkpoint')
  .description('Keep what a running pod has in memory and files, for pods that begin there. The pod itself runs on.')
  .exitOverride()
  .usage('POD [flags]\n       kubectl checkpoint COMMAND [flags]')
  .addHelpText(
    'after',
    '\nThe flags of a checkpoint: kubectl checkpoint pod --help. A pod with the name of a command: pod/NAME.\n' +
      'Pods from it: kubectl migrate --from-checkpoint NAME --replicas N.\n' +
      'Exit codes: 0 it is there, 1 there is none, 2 usage or refused (nothing was touched),\n' +
      '4 no answer from the coordinator, 130 interrupted (it goes on).',
  );

withCommonFlags(program.command('pod <pod>', { isDefault: true }))
  .description('take a checkpoint of a pod (the word "pod" may be left out)')
  .option(...ofNamespace)
  .option('--name <name>', "of the checkpoint; without it the pod's and a few letters")
  .option('--timeout <span>', 'of all of it (default 120s)')
  .action(async (pod: string, flags: CommonFlags & Omit<CheckpointFlags, 'namespace'>) => {
    const request = readFlags(pod, { ...flags, namespace: namespaceFor(flags) });
    await connected(flags, async (c) => await checkpoint(c, request, flags.output ?? 'text', console));
  });

withCommonFlags(program.command('list'))
  .description('checkpoints that there are')
  .option(...ofNamespace)
  .option('-A, --all-namespaces', 'of all namespaces')
  .action(async (flags: CommonFlags & { allNamespaces?: boolean }) => {
    const namespace = flags.allNamespaces === true ? '' : namespaceFor(flags);
    await connected(flags, async (c) => await listCheckpoints(c, namespace, flags.output ?? 'text', console));
  });

withCommonFlags(program.command('delete <name>'))
  .description('delete a checkpoint and its files')
  .option(...ofNamespace)
  .action(async (name: string, flags: CommonFlags) => {
    await connected(flags, async (c) => await deleteCheckpoint(c, namespaceFor(flags), name, console));
  });

// Not awaited here: a single executable is a script that cannot.
void runProgram(program);
