import { existsSync, readdirSync } from 'node:fs';
import { connectCri } from './cri.ts';
import { runsDaemon } from './daemon.ts';
import { controlPlane } from './kubernetes/control-plane.ts';
import { type Lab, open } from './lab.ts';
import { layoutOf, type NodeName, registry } from './layout.ts';

export interface NodeStatus {
  name: NodeName;
  address: string;
  pid: number;
  containerd: boolean;
  agent: boolean;
  /** Of a lab with Kubernetes: whether kubelet and kube-proxy run. */
  kubernetes?: Record<string, boolean>;
  pods: { name: string; namespace: string; id: string; ready: boolean; handler: string }[];
}

export interface LabStatus {
  name: string;
  /** `half`: an `up` is under way, or did not come to its end and could not clean up. */
  state: 'up' | 'half' | 'down';
  coordinator: boolean;
  kubernetes?: { version: string; kubeconfig: string; parts: Record<string, boolean> };
  nodes: NodeStatus[];
}

export function labNames(): string[] {
  if (!existsSync(registry)) return [];
  const entries = readdirSync(registry, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

export async function status(name: string, signal?: AbortSignal): Promise<LabStatus> {
  const layout = layoutOf(name);
  if (!existsSync(layout.stateFile)) {
    return { name, state: existsSync(layout.state) ? 'half' : 'down', coordinator: false, nodes: [] };
  }
  const lab = open(name);
  return {
    name,
    state: 'up',
    coordinator: await runsDaemon(layout, 'coordinator'),
    ...(lab.kubernetes && {
      kubernetes: {
        version: lab.kubernetes.version,
        kubeconfig: layout.kubeconfig('admin'),
        parts: await running(lab, controlPlane),
      },
    }),
    nodes: await Promise.all(lab.nodeNames.map((node) => nodeStatus(lab, node, signal))),
  };
}

/** Which of the parts run, by what they are called there. */
async function running(lab: Lab, parts: readonly string[], prefix = ''): Promise<Record<string, boolean>> {
  const all = parts.map(async (part) => [part, await runsDaemon(lab.layout, `${prefix}${part}`)] as const);
  return Object.fromEntries(await Promise.all(all));
}

async function nodeStatus(lab: Lab, name: NodeName, signal?: AbortSignal): Promise<NodeStatus> {
  const { pid, address } = lab.node(name);
  const [containerd, agent] = await Promise.all(
    ['containerd', 'agent'].map((daemon) => runsDaemon(lab.layout, `${name}.${daemon}`)),
  );
  const pods = containerd === true ? await podsOf(lab, name, signal) : [];
  const kubernetes = lab.kubernetes && (await running(lab, ['kubelet', 'kube-proxy'], `${name}.`));
  const own = { name, address, pid, containerd: containerd === true, agent: agent === true, pods };
  return { ...own, ...(kubernetes && { kubernetes }) };
}

async function podsOf(lab: Lab, node: NodeName, signal?: AbortSignal): Promise<NodeStatus['pods']> {
  const cri = connectCri(lab.node(node).containerd);
  try {
    const { items } = await cri.listPodSandbox({}, signal);
    return items.map((pod) => ({
      name: pod.metadata?.name ?? '',
      namespace: pod.metadata?.namespace ?? '',
      id: pod.id,
      ready: pod.state === 'SANDBOX_READY',
      handler: pod.runtime_handler,
    }));
  } finally {
    cri.close();
  }
}

const runs = (what: string, running: boolean) => (running ? what : `no ${what}`);
const allOf = (parts: Record<string, boolean> = {}) => Object.entries(parts).map(([name, up]) => runs(name, up));

export function describeStatus(lab: LabStatus): string {
  if (lab.state === 'down') return `${lab.name}: down`;
  if (lab.state === 'half') return `${lab.name}: half up (take it away: npm run lab -- down --name ${lab.name})`;
  const lines = lab.nodes.flatMap((node) => [
    `  ${node.name}  ${node.address}  pid ${node.pid}  ${allOf({ containerd: node.containerd, agent: node.agent, ...node.kubernetes }).join(', ')}`,
    ...node.pods.map(
      (pod) => `    ${pod.namespace}/${pod.name}  ${pod.handler || 'runc'}${pod.ready ? '' : '  not ready'}`,
    ),
  ]);
  const cluster = lab.kubernetes && [
    `  Kubernetes ${lab.kubernetes.version}  ${allOf(lab.kubernetes.parts).join(', ')}`,
    `    ${lab.kubernetes.kubeconfig}`,
  ];
  return [`${lab.name}: up, ${runs('coordinator', lab.coordinator)}`, ...(cluster ?? []), ...lines].join('\n');
}
