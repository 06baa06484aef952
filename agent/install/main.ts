#!/usr/bin/env node
/** The node installer: runs in a privileged container, or on the node itself, and ends. */
import { Command, Option } from 'commander';
import { connectKubernetes } from '../../coordinator/cluster/kubernetes/client.ts';
import { parseDuration } from '../../coordinator/duration.ts';
import { Fault } from '../../proto/fault.ts';
import type { Turn } from './carry-out.ts';
import { check } from './check.ts';
import { install } from './install.ts';
import { Node } from './node.ts';
import type { Settings } from './settings.ts';
import { uninstall } from './uninstall.ts';

interface Flags extends Omit<Settings, 'socket' | 'runc' | 'restartTimeoutMs'> {
  containerd: string;
  runc?: string;
  restartTimeout: string;
  lease?: string;
  namespace: string;
  leaseDuration: string;
  kubeconfig: string;
}

const exitCode = { done: 0, failed: 1, refused: 2 };
const leaseRetryMs = 2_000;

const flag = (flags: string, description: string) =>
  new Option(flags, description).env(`PODFERRY_${/--([a-z-]+)/.exec(flags)?.[1]?.replaceAll('-', '_').toUpperCase()}`);

function command(verb: string, description: string): Command {
  return program
    .command(verb)
    .description(description)
    .addOption(flag('--node <name>', 'name of this node').makeOptionMandatory())
    .addOption(flag('--host-root <directory>', "where the node's / is mounted; / on the node itself").default('/host'))
    .addOption(flag('--wrapper <file>', 'where the wrapper goes').default('/usr/local/lib/podferry/podferry-runc'))
    .addOption(
      flag('--criu <when>', 'whether the node gets our CRIU')
        .choices(['if-missing', 'always', 'never'])
        .default('if-missing'),
    )
    .addOption(flag('--criu-source <directory>', 'our CRIU, self-contained').default('/opt/podferry/criu'))
    .addOption(flag('--runc <file>', "the node's; without it what containerd uses"))
    .addOption(flag('--containerd <socket>', 'its socket').default('/run/containerd/containerd.sock'))
    .addOption(flag('--containerd-config <file>', 'its configuration').default('/etc/containerd/config.toml'))
    .addOption(flag('--containerd-program <file>', 'its program, on the node').default('containerd'))
    .addOption(flag('--restart-command <command>', "for the node's sh; auto: systemctl restart").default('auto'))
    .addOption(flag('--systemd-unit <name>', 'what auto restarts').default('containerd'))
    .addOption(flag('--restart-timeout <span>', 'how long containerd may take to be back').default('60s'))
    .addOption(flag('--lease [name]', 'restart containerd only while holding this lease').preset('podferry-installer'))
    .addOption(flag('--namespace <namespace>', 'where that lease is').default('podferry-system'))
    .addOption(flag('--lease-duration <span>', 'after which others may take it').default('60s'))
    .addOption(flag('--kubeconfig <file>', 'for that lease').default('in-cluster'))
    .addOption(
      flag('--state-dir <directory>', "the agent's: migrations are looked for there").default('/run/podferry'),
    );
}

async function run(flags: Flags, verb: Verb): Promise<void> {
  const node = new Node(flags.node, flags.hostRoot);
  const say = (line: string) => console.log(`${flags.node}: ${line}`);
  const { containerd: socket, runc, restartTimeout, ...others } = flags;
  const settings = { ...others, socket, runc, restartTimeoutMs: parseDuration(restartTimeout) };
  const turn: Turn | undefined =
    flags.lease === undefined
      ? undefined
      : {
          kubernetes: connectKubernetes(flags.kubeconfig),
          namespace: flags.namespace,
          name: flags.lease,
          identity: flags.node,
          leaseMs: parseDuration(flags.leaseDuration),
          retryMs: leaseRetryMs,
          say,
        };
  process.exitCode = await verb(node, settings, turn, say);
}

type Verb = (node: Node, settings: Settings, turn: Turn | undefined, say: (line: string) => void) => Promise<number>;

const program = new Command('podferry-install').description('Makes a node ready for Podferry, or takes that back');

command('install', 'bring wrapper, CRIU and runtime handler to the node; restarts containerd if it has to').action(
  async (flags: Flags) =>
    await run(flags, async (...all) => {
      await install(...all);
      return exitCode.done;
    }),
);

command('uninstall', 'take away what install has made').action(
  async (flags: Flags) =>
    await run(flags, async (...all) => {
      await uninstall(...all);
      return exitCode.done;
    }),
);

command('check', 'say what install would do (exit 1) and what is against it (exit 2), and do nothing').action(
  async (flags: Flags) =>
    await run(flags, async (node, settings, _turn, say) => {
      const verdicts = { installed: exitCode.done, 'not-yet': exitCode.failed, refused: exitCode.refused };
      return verdicts[await check(node, settings, say)];
    }),
);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`podferry-install: ${error instanceof Error ? error.message : String(error)}`);
  const refused = error instanceof Fault && error.message.startsWith('nothing was changed');
  process.exitCode = refused ? exitCode.refused : exitCode.failed;
}
