import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { hierarchies, makeCgroup, makeNodeCgroup, mountList, unified } from './cgroup.ts';
import { childrenOf } from './enter.ts';
import { type Holder, type Layout, type NodeName, repository } from './layout.ts';

/** Namespaces live as long as a process holds them: nothing of a lab is bound into the host's file system. */

/** Starts the process that keeps the network of `control` or of the switch. */
export async function holdNetwork(layout: Layout, holder: Holder, signal?: AbortSignal): Promise<number> {
  const cgroup = await makeCgroup(unified(), `${layout.cgroup}/${holder}`);
  const script =
    'echo $$ >"$1/cgroup.procs"; exec unshare --net sh -c "ip link set lo up; echo ready >&3; exec 3>&- sleep infinity"';
  return await started(layout, holder, ['sh', '-euc', script, 'hold', cgroup], {}, signal);
}

/** What a node is made of, from the cache. */
export interface NodeParts {
  root: string;
  /** The programs of Kubernetes, if the node is to have them. */
  kubernetes?: string;
}

/** Starts a node: pid 1 in namespaces of its own over the shared root. Answers pid 1 as the host counts. */
export async function holdNode(
  layout: Layout,
  node: NodeName,
  parts: NodeParts,
  signal?: AbortSignal,
): Promise<number> {
  const cgroups = [];
  for (const hierarchy of hierarchies()) {
    cgroups.push(await makeNodeCgroup(hierarchy, `${layout.cgroup}/${node}`));
  }
  const disk = layout.nodeDisk(node);
  for (const directory of [disk.upper, disk.work, disk.root, disk.containerd, disk.kubelet, layout.nfs, layout.flat]) {
    await mkdir(directory, { recursive: true });
  }
  const environment = {
    CGROUPS: cgroups.join(' '),
    CGROUP_MOUNTS: mountList(),
    LOWER: parts.root,
    UPPER: disk.upper,
    WORK: disk.work,
    ROOT: disk.root,
    CONTAINERD: disk.containerd,
    NFS: layout.nfs,
    FLAT: layout.flat,
    REPOSITORY: repository,
    NODE: node,
    KUBERNETES: parts.kubernetes ?? '',
    KUBELET: disk.kubelet,
  };
  const script = fileURLToPath(new URL('node.sh', import.meta.url));
  const parent = await started(layout, node, ['sh', script, 'hold'], environment, signal);
  const [init] = childrenOf(parent);
  if (init === undefined) throw new Error(`${node}: pid 1 ended at once; see ${layout.log(node)}`);
  return init;
}

/** The cgroups that a process started in a holder's place has to join. */
export function cgroupsFor(layout: Layout, holder: Holder): string[] {
  if (holder === 'control' || holder === 'switch') return [`${unified().path}/${layout.cgroup}/${holder}`];
  return hierarchies().map((hierarchy) => `${hierarchy.path}/${layout.cgroup}/${holder}/init`);
}

function started(
  layout: Layout,
  holder: Holder,
  argv: string[],
  environment: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<number> {
  const log = openSync(layout.log(holder), 'a');
  const [program, ...rest] = argv;
  const child = spawn(program ?? 'sh', rest, {
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...process.env, ...environment },
    ...(signal && { signal }),
  });
  closeSync(log);
  child.unref();
  return new Promise((resolve, reject) => {
    const says = child.stdio[3];
    child.once('error', (cause) => reject(new Error(`${holder} of lab ${layout.name} did not start`, { cause })));
    says?.once('data', () => {
      says.destroy();
      resolve(child.pid ?? 0);
    });
    child.once('exit', (code) => {
      const said = readFileSync(layout.log(holder), 'utf8').trim().split('\n').slice(-5).join('\n');
      reject(new Error(`${holder} of lab ${layout.name} ended while it started (exit ${code}): ${said}`));
    });
  });
}
