import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { agentIdentity } from './certificates.ts';
import {
  cniConfig,
  containerdConfig,
  flatCniConfig,
  flatIpam,
  flatIpamProgram,
  stockContainerdConfig,
} from './containerd.ts';
import {
  addressOf,
  controlAddress,
  type Layout,
  type NodeName,
  repository,
  tlsInNode,
  wrapperInNode,
} from './layout.ts';
import { criuLimits } from './root.ts';

// Before the real one in PATH; see criu-limits.c.
const criuWithLimits = `#!/bin/sh\nLD_PRELOAD=${criuLimits} exec /usr/sbin/criu "$@"\n`;

// What the handler calls until the repository has a wrapper.
const passthrough = '#!/bin/sh\nexec runc "$@"\n';

/**
 * Writes a node's own files into its overlay, before the node exists: it finds them at its start. A stock one is without
 * anything of Podferry's, as somebody's node is.
 */
export async function furnish(
  layout: Layout,
  node: NodeName,
  nodes: readonly NodeName[],
  { stock, dualStack, flat }: { stock: boolean; dualStack: boolean; flat: boolean },
): Promise<void> {
  const { upper } = layout.nodeDisk(node);
  const hosts = [
    '127.0.0.1 localhost',
    ...nodes.map((name) => `${addressOf(name)} ${name} ${agentIdentity(name)}`),
    `${controlAddress} control coordinator.podferry`,
  ];
  const files: Record<string, string> = {
    'etc/hostname': node,
    'etc/hosts': hosts.join('\n'),
    'etc/resolv.conf': '# There is no name server in a lab.',
    'etc/machine-id': createHash('md5').update(`${layout.name}/${node}`).digest('hex'),
    // Present, or busybox would wait for terminals; empty, because the lab starts what runs in a node.
    'etc/inittab': '# pid 1 only reaps',
    'etc/containerd/config.toml': stock ? stockContainerdConfig : containerdConfig,
    'etc/cni/net.d/10-podferry.conflist': flat ? flatCniConfig(node) : cniConfig(node, dualStack),
    // kubelet makes both on a real node.
    'var/log/pods/.keep': '',
    'var/log/containers/.keep': '',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(upper, dirname(path)), { recursive: true });
    await writeFile(join(upper, path), `${text}\n`);
  }
  if (flat) await furnishProgram(join(upper, 'usr/lib/cni', flatIpam), flatIpamProgram);
  if (!hasSysResource()) await furnishProgram(join(upper, 'usr/local/sbin/criu'), criuWithLimits);
  if (stock) return;
  await furnishWrapper(join(upper, wrapperInNode));
  await cp(layout.tlsOf(agentIdentity(node)), join(upper, tlsInNode), { recursive: true });
  await chmod(join(upper, tlsInNode), 0o700);
}

async function furnishWrapper(to: string): Promise<void> {
  const ours = join(repository, 'agent/wrapper/podferry-runc');
  await mkdir(dirname(to), { recursive: true });
  if (existsSync(ours)) await cp(ours, to);
  else await writeFile(to, passthrough);
  await chmod(to, 0o755);
}

async function furnishProgram(to: string, text: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await writeFile(to, text, { mode: 0o755 });
}

/** Without it CRIU in a lab needs help; see criu-limits.c. */
export function hasSysResource(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const sysResource = 24n;
  return ((BigInt(`0x${effective}`) >> sysResource) & 1n) === 1n;
}
