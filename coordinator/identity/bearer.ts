/** Which node a caller is on: that of the pod which its ServiceAccount token is bound to, as the API server knows it. */
import type { CoreV1Api } from '@kubernetes/client-node';
import { Fault } from '../../proto/fault.ts';
import { bounded, ifThere, told } from '../cluster/kubernetes/client.ts';
import { checkName } from '../names.ts';
import type { Reviews } from '../people/reviews.ts';

/** Whom an agent's token is for: one that is meant for the API server, or for somebody else, gets nothing here. */
export const agentAudience = 'podferry';

export interface AgentAccount {
  namespace: string;
  serviceAccount: string;
}

export interface Bearer {
  node: string;
  pod: string;
}

const claims = {
  podName: 'authentication.kubernetes.io/pod-name',
  podUid: 'authentication.kubernetes.io/pod-uid',
  node: 'authentication.kubernetes.io/node-name',
} as const;

/** @throws Fault Unauthenticated when the token is nobody's, PermissionDenied when it is not an agent's */
export async function bearerOf(
  token: string,
  { namespace, serviceAccount }: AgentAccount,
  reviews: Pick<Reviews, 'personOf'>,
  core: Pick<CoreV1Api, 'readNamespacedPod'>,
  signal: AbortSignal,
): Promise<Bearer> {
  const { name, info } = await reviews.personOf(token);
  const refuse = (why: string) => new Fault('PermissionDenied', `no certificate for ${name}: ${why}`);
  if (name !== `system:serviceaccount:${namespace}:${serviceAccount}`)
    throw refuse(`agents are ServiceAccount ${serviceAccount} of namespace ${namespace}`);
  const claim = (key: string): string | undefined => info.extra?.[key]?.[0];
  const [pod, uid, node] = [claim(claims.podName), claim(claims.podUid), claim(claims.node)];
  if (pod === undefined || uid === undefined)
    throw refuse('its token is not bound to a pod: take the one that kubelet projects into the agent’s pod');
  const where = { namespace, name: checkName('pod', pod) };
  const asked = ifThere(core.readNamespacedPod(where, bounded(signal)));
  const found = await told(asked, `reading pod ${namespace}/${pod}`);
  if (found === undefined) throw refuse(`its pod ${pod} is not there`);
  if (found.metadata?.uid !== uid) throw refuse(`its pod ${pod} is gone, another one has that name`);
  const on = found.spec?.nodeName;
  if (!on) throw refuse(`its pod ${pod} is on no node`);
  if (found.spec?.serviceAccountName !== serviceAccount)
    throw refuse(`its pod ${pod} runs as ServiceAccount ${found.spec?.serviceAccountName}`);
  if (node !== undefined && node !== on)
    throw refuse(`its token was given to a pod on ${node}, but ${pod} is on ${on}`);
  return { node: checkName('node', on), pod };
}
