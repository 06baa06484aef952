/**
 * A way to the coordinator itself that needs only the API server: a port of this machine that leads through it into the
 * leader's pod. What goes through is TLS from here to there, and the coordinator has to be who the cluster says it is.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { CoreV1Api, type KubeConfig, PortForward, type V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import { bounded } from '../../cluster/kubernetes/client.ts';
import { Unreachable } from './connection.ts';
import { told } from './objects.ts';

export const coordinatorPort = 7443;
const isCoordinator = 'app.kubernetes.io/name=podferry,app.kubernetes.io/component=coordinator';
const leads = 'podferry.dev/leads';
const forever = new AbortController().signal;

export interface Forward {
  /** On this machine. */
  address: string;
  /** Where it leads, for people. */
  where: string;
  close(): void;
}

/** @throws Fault, or Unreachable when there is no coordinator that leads */
export async function forwardToLeader(config: KubeConfig, namespace: string): Promise<Forward> {
  const name = await leaderIn(config, namespace);
  const server = await listen(config, namespace, name);
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    where: `coordinator ${namespace}/${name}`,
    close: () => server.close(),
  };
}

async function leaderIn(config: KubeConfig, namespace: string): Promise<string> {
  const core = config.makeApiClient(CoreV1Api);
  const asked = core.listNamespacedPod({ namespace, labelSelector: isCoordinator }, bounded(forever));
  const { items } = await told(asked, `looking for the coordinator in ${namespace}`, config);
  const leader = items.find((pod) => pod.metadata?.labels?.[leads] === 'true' && isRunning(pod));
  if (leader?.metadata?.name !== undefined) return leader.metadata.name;
  const what = items.length === 0 ? 'there is none' : `of ${items.length} none leads`;
  throw new Unreachable(`no coordinator can be asked in namespace ${namespace}: ${what}`, {
    hint: `"kubectl get pods -n ${namespace}" shows what runs; --podferry-namespace says that it is elsewhere`,
  });
}

function isRunning({ status, metadata }: V1Pod): boolean {
  return status?.phase === 'Running' && metadata?.deletionTimestamp === undefined;
}

/** The certificate of the coordinator, as it publishes it. */
export async function authorityIn(config: KubeConfig, namespace: string): Promise<string> {
  const name = 'podferry-trust';
  const core = config.makeApiClient(CoreV1Api);
  const asked = core.readNamespacedConfigMap({ name, namespace }, bounded(forever));
  const { data } = await told(asked, `reading who signs for the coordinator, ConfigMap ${namespace}/${name}`, config);
  const ca = data?.['ca.crt'];
  if (ca !== undefined) return ca;
  throw new Fault('Internal', `ConfigMap ${namespace}/${name} has no ca.crt: say --ca-file FILE`);
}

async function listen(config: KubeConfig, namespace: string, pod: string): Promise<Server> {
  const forward = new PortForward(config);
  const server = createServer((socket) => {
    // Whoever used it sees that it is cut; the reason is the API server's, and gRPC tells that nobody answers.
    connect(forward, namespace, pod, socket).catch(() => socket.destroy());
  });
  server.unref();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function connect(forward: PortForward, namespace: string, pod: string, socket: Socket): Promise<void> {
  socket.on('error', () => {});
  const web = await forward.portForward(namespace, pod, [coordinatorPort], socket, null, socket);
  if (typeof web === 'function') throw new Error('a forward that begins anew was not asked for');
  const cut = () => socket.destroy();
  web.on('close', cut);
  web.on('error', cut);
  socket.on('close', () => web.close());
}
