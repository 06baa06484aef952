import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Authority, issue, makeAuthority, type Subject } from '../certificates.ts';
import {
  addressOf,
  apiServiceAddress,
  controlAddress,
  kubernetesUsers,
  type Layout,
  type NodeName,
  ports,
} from '../layout.ts';

/** Everybody who takes part in the cluster: a certificate each, by an authority that has nothing to do with ours. */

/** The parts that have no node, each with the name that the cluster's own roles are bound to. */
const parts = {
  'controller-manager': { name: 'system:kube-controller-manager' },
  scheduler: { name: 'system:kube-scheduler' },
  proxy: { name: 'system:kube-proxy' },
  // What the API server is to kubelets, when it fetches a log.
  'kubelet-client': { name: 'kube-apiserver-kubelet-client', organization: 'system:masters' },
  admin: { name: 'admin', organization: 'system:masters' },
  'podferry-coordinator': { name: 'podferry-coordinator', organization: 'podferry' },
} as const satisfies Record<string, Subject>;

const server: Subject = {
  name: 'kube-apiserver',
  alternatives: [
    `IP:${controlAddress}`,
    `IP:${apiServiceAddress}`,
    'DNS:control',
    ...['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map((name) => `DNS:${name}`),
  ],
};

/** Nobody; a pair of keys that service account tokens are signed with. */
const tokens: Subject = { name: 'service-accounts' };

const asNode = (node: NodeName): Subject => ({
  name: `system:node:${node}`,
  organization: 'system:nodes',
  // kubelet is a server too: for logs and exec.
  alternatives: [`DNS:${node}`, `IP:${addressOf(node)}`],
});

export type Identity = 'apiserver' | 'service-accounts' | keyof typeof parts | NodeName;

/** Where an identity's ca.crt, tls.crt and tls.key are. */
export function tlsOf(layout: Layout, identity: Identity): string {
  return join(layout.kubernetes, 'tls', identity);
}

export async function makeUsers(layout: Layout, nodes: readonly NodeName[], signal?: AbortSignal): Promise<void> {
  const tls = join(layout.kubernetes, 'tls');
  await mkdir(tls, { recursive: true, mode: 0o700 });
  const directory = await mkdtemp(join(tls, '.authority-'));
  try {
    const authority: Authority = await makeAuthority(directory, 'kubernetes lab', signal);
    const everybody: [Identity, Subject][] = [
      ['apiserver', server],
      ['service-accounts', tokens],
      ...(Object.entries(parts) as [Identity, Subject][]),
      ...nodes.map((node): [Identity, Subject] => [node, asNode(node)]),
    ];
    const made = everybody.map(([identity, subject]) => issue(tlsOf(layout, identity), subject, authority, signal));
    await Promise.all(made);
  } finally {
    await rm(directory, { recursive: true });
  }
  for (const user of kubernetesUsers) {
    await writeFile(layout.kubeconfig(user), await kubeconfig(layout, user), { mode: 0o600 });
  }
}

/** One file with all that it needs, so that it can be read from any place. JSON is YAML. */
export async function kubeconfig(layout: Layout, identity: Identity): Promise<string> {
  const data = async (name: string) => (await readFile(join(tlsOf(layout, identity), name))).toString('base64');
  const cluster = {
    server: `https://${controlAddress}:${ports.apiServer}`,
    'certificate-authority-data': await data('ca.crt'),
  };
  const user = { 'client-certificate-data': await data('tls.crt'), 'client-key-data': await data('tls.key') };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster }],
    users: [{ name: identity, user }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: identity } }],
    'current-context': 'lab',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
