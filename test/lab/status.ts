import { existsSync, readdirSync } from 'node:fs';
import { connectCri } from './cri.ts';
import { runsDaemon } from './daemon.ts';
import { type Lab, open } from './lab.ts';
import { layoutOf, type NodeName, registry } from './layout.ts';

export interface NodeStatus {
  name: NodeName;
  address: string;
  pid: number;
  containerd: boolean;
  agent: boolean;
  pods: { name: string; namespace: string; id: string; ready: boolean; handler: string }[];
}

export interface LabStatus {
  name: string;
  /** `half`: an `up` is under way, or did not come to its end and could not clean up. */
  state: 'up' | 'half' | 'down';
  coordinator: boolean;
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
    nodes: await Promise.all(lab.nodeNames.map((node) => nodeStatus(lab, node, signal))),
  };
}

async function nodeStatus(lab: Lab, name: NodeName, signal?: AbortSignal): Promise<NodeStatus> {
  const { pid, address } = lab.node(name);
  const [containerd, agent] = await Promise.all(
    ['containerd', 'agent'].map((daemon) => runsDaemon(lab.layout, `${name}.${daemon}`)),
  );
  const pods = containerd === true ? await podsOf(lab, name, signal) : [];
  return { name, address, pid, containerd: containerd === true, agent: agent === true, pods };
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

export function describeStatus(lab: LabStatus): string {
  if (lab.state === 'down') return `${lab.name}: down`;
  if (lab.state === 'half') return `${lab.name}: half up (take it away: npm run lab -- down --name ${lab.name})`;
  const lines = lab.nodes.flatMap((node) => [
    `  ${node.name}  ${node.address}  pid ${node.pid}  ${runs('containerd', node.containerd)}, ${runs('agent', node.agent)}`,
    ...node.pods.map(
      (pod) => `    ${pod.namespace}/${pod.name}  ${pod.handler || 'runc'}${pod.ready ? '' : '  not ready'}`,
    ),
  ]);
  return [`${lab.name}: up, ${runs('coordinator', lab.coordinator)}`, ...lines].join('\n');
}
