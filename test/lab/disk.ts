/** All that lies on a node's own disk: what a node was before Podferry came, it has to be after Podferry has gone. */
import { run } from './command.ts';
import type { Lab } from './lab.ts';
import type { NodeName } from './layout.ts';

/** Logs and addresses of pods are there whoever runs pods. */
const others = ['./var/log', './var/lib/cni', './var/lib/kubelet', './var/lib/containerd'];

/** Where whatever comes to a node comes to; what is elsewhere is told apart by its size and time. */
const looked = ['./etc/*', './usr/local/*', './opt/*', './var/*', './root/*', './srv/*'];

/** A line for each path: kind, rights, owner, and of a file when it was written and what is in it. */
export async function diskOf(lab: Lab, node: NodeName): Promise<string[]> {
  const any = (paths: readonly string[]) => paths.flatMap((path, at) => [...(at > 0 ? ['-o'] : []), '-path', path]);
  const prune = ['(', ...any(others), ')', '-prune', '-o'];
  const hashed = [
    '-type',
    'f',
    '(',
    ...any(looked),
    ')',
    '-printf',
    '%p f %m %U:%G %T@ ',
    '-exec',
    'sha256sum',
    '{}',
    ';',
  ];
  const file = ['-type', 'f', '-printf', '%p f %m %U:%G %T@ %s\\n'];
  const rest = ['-printf', '%p %y %m %U:%G %l\\n'];
  const argv = ['find', '.', '-xdev', ...prune, '(', ...hashed, ')', '-o', '(', ...file, ')', '-o', ...rest];
  const found = await run(argv, { cwd: lab.node(node).root });
  // An installer keeps times to the millisecond.
  const rounded = (line: string) => line.replace(/\d{9,}\.\d+/, (time) => Number(time).toFixed(3));
  return found.trim().split('\n').map(rounded).sort();
}

/** What of ours is left where a reboot would take it away, and where nothing would. */
export async function tracesOfPodferry(lab: Lab, node: NodeName): Promise<string[]> {
  const script = `
    find / -xdev -name '*podferry*' ! -path '/opt/podferry*' ! -path '/var/log/*' \\
      ! -path '/srv/podferry-nfs*' ! -path '/var/cache/*' ! -path '*/cni/*'
    find /run -xdev -path '*podferry*'
    find /sys/fs/cgroup -maxdepth 2 -name '*podferry*'
    grep -o '[^ ]*podferry[^ ]*' /proc/1/mountinfo | grep -v -e '^/opt/podferry' -e podferry-nfs -e podferry-lab -e '^/var/cache/'
    nft list ruleset | grep -i podferry
    ps -eo args | grep -v -e grep -e 'sh -c' | grep -i -e podferry -e criu
    true`;
  return (await lab.run(node, ['sh', '-c', script])).trim().split('\n').filter(Boolean).sort();
}
