import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asArguments } from './arguments.ts';
import { startDaemon } from '../daemon.ts';
import type { Lab, LabKubernetes } from '../lab.ts';
import { controlAddress, ports, serviceRange } from '../layout.ts';
import { kubectl, withoutProxy } from './kubectl.ts';
import { kubeconfig, tlsOf } from './users.ts';

/** etcd, the API server, the controllers and the scheduler, in `control`. */

export const controlPlane = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
type Part = (typeof controlPlane)[number];

const serving = /Serving securely/;
const patienceMs = 60_000;

/** The API server answers when this returns; the parts that follow it look after themselves. */
export async function startControlPlane(lab: Lab, kubernetes: LabKubernetes, signal?: AbortSignal): Promise<void> {
  await startPart(lab, kubernetes, 'etcd', etcdFlags(lab), /ready to serve client requests/, signal);
  await startPart(lab, kubernetes, 'kube-apiserver', apiServerFlags(lab), serving, signal);
  await Promise.all([
    startPart(lab, kubernetes, 'kube-controller-manager', await controllerFlags(lab), serving, signal),
    startPart(lab, kubernetes, 'kube-scheduler', await clientFlags(lab, 'scheduler'), serving, signal),
    untilReady(lab, signal),
  ]);
}

function etcdFlags(lab: Lab): Record<string, string> {
  const address = `http://127.0.0.1:${ports.etcd}`;
  return {
    'data-dir': lab.layout.etcd,
    // The network of `control` is nobody else's, and its loopback device has no cable.
    'listen-client-urls': address,
    'advertise-client-urls': address,
    'listen-peer-urls': `http://127.0.0.1:${ports.etcd + 1}`,
    // A lab does not outlive its machine.
    'unsafe-no-fsync': 'true',
  };
}

function apiServerFlags({ layout }: Lab): Record<string, string> {
  const own = tlsOf(layout, 'apiserver');
  const toKubelet = tlsOf(layout, 'kubelet-client');
  const tokens = tlsOf(layout, 'service-accounts');
  return {
    'etcd-servers': `http://127.0.0.1:${ports.etcd}`,
    'advertise-address': controlAddress,
    'bind-address': controlAddress,
    'secure-port': String(ports.apiServer),
    'tls-cert-file': join(own, 'tls.crt'),
    'tls-private-key-file': join(own, 'tls.key'),
    'client-ca-file': join(own, 'ca.crt'),
    'kubelet-certificate-authority': join(toKubelet, 'ca.crt'),
    'kubelet-client-certificate': join(toKubelet, 'tls.crt'),
    'kubelet-client-key': join(toKubelet, 'tls.key'),
    'kubelet-preferred-address-types': 'InternalIP',
    'authorization-mode': 'Node,RBAC',
    // A kubelet may only touch what is its own, as in any cluster set up with kubeadm.
    'enable-admission-plugins': 'NodeRestriction',
    'service-cluster-ip-range': serviceRange,
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': join(tokens, 'tls.crt'),
    'service-account-signing-key-file': join(tokens, 'tls.key'),
    'allow-privileged': 'true',
  };
}

async function controllerFlags(lab: Lab): Promise<Record<string, string>> {
  return {
    ...(await clientFlags(lab, 'controller-manager')),
    'service-account-private-key-file': join(tlsOf(lab.layout, 'service-accounts'), 'tls.key'),
    'root-ca-file': join(tlsOf(lab.layout, 'controller-manager'), 'ca.crt'),
    'use-service-account-credentials': 'true',
  };
}

async function clientFlags({ layout }: Lab, identity: 'controller-manager' | 'scheduler') {
  const file = join(tlsOf(layout, identity), 'kubeconfig');
  await writeFile(file, await kubeconfig(layout, identity), { mode: 0o600 });
  // There is one of each: nobody to agree with who leads.
  return { kubeconfig: file, 'bind-address': '127.0.0.1', 'leader-elect': 'false' };
}

async function startPart(
  lab: Lab,
  { programs }: LabKubernetes,
  name: Part,
  flags: Record<string, string>,
  ready: RegExp,
  signal?: AbortSignal,
): Promise<void> {
  if (name === 'etcd') await mkdir(lab.layout.etcd, { recursive: true, mode: 0o700 });
  const argv = [join(programs, name), ...asArguments(flags)];
  await startDaemon(lab.layout, lab.entrance('control'), { name, argv, env: withoutProxy, ready }, signal);
}

/** It listens before its own roles are there, without which nobody may do anything. */
async function untilReady(lab: Lab, signal?: AbortSignal): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const { code, stderr } = await kubectl(lab, ['get', '--raw', '/readyz'], signal ? { signal } : {});
    if (code === 0) return;
    if (performance.now() > end)
      throw new Error(`the API server is not ready; see ${lab.layout.log('kube-apiserver')}: ${stderr}`);
    await sleep(200, undefined, signal ? { signal } : {});
  }
}
