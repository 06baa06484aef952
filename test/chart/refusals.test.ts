/** Values that contradict each other are refused before anything is applied, with what to do. */
import { beforeAll, expect, it } from 'vitest';
import { helm, tryRender } from './rendered.ts';

let program: string;

beforeAll(async () => {
  program = await helm();
});

it.each([
  [['installer.enabled=false', 'installer.criu=always'], 'set installer.enabled=true'],
  [['authority.kind=cert-manager'], 'authority.issuerRef.name says no issuer'],
  [['nfs.hostPath=/mnt', 'nfs.server=nfs.example', 'nfs.path=/export'], 'nfs.hostPath and nfs.server'],
  [['nfs.server=nfs.example'], 'nfs.server and nfs.path go together'],
  [['coordinator.replicas=0'], 'coordinator.replicas is less than 1'],
  [['coordinator.replicas=1'], 'set coordinator.podDisruptionBudget.enabled=false'],
  [['coordinator.podDisruptionBudget.minAvailable=3'], 'minAvailable (3) has to be less than coordinator.replicas (2)'],
])('%j', async (set, message) => {
  const { code, stdout, stderr } = await tryRender(program, ...set);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(message);
});

it.each([
  ['agent.replicas=2', '/agent/replicas'],
  ['coordinator.hostNetwork=true', '/coordinator/hostNetwork'],
  ['agents.logLevel=info', "'agents'"],
  ['agent.logLevel=loud', '/agent/logLevel'],
  ['agent.extraArgs=--insecure-plaintext', '/agent/extraArgs'],
  ['coordinator.limits.maxTotal=0', '/coordinator/limits/maxTotal'],
  ['coordinator.limits.heldTimeout=soon', '/coordinator/limits/heldTimeout'],
  ['containerd.socket=unix:///run/x', '/containerd/socket'],
  ['image.digest=sha256:abc', '/image/digest'],
  ['uninstall.timeout=soon', '/uninstall/timeout'],
  ['monitoring.podMonitor.interval=often', '/monitoring/podMonitor/interval'],
  ['monitoring.alerts.enabled=true', '/monitoring'],
])('the schema refuses %s and says where', async (set, where) => {
  const { code, stderr } = await tryRender(program, set);
  expect(code).toBe(1);
  expect(stderr).toContain(where);
});
