/** The coordinator as a process. */
import { once } from 'node:events';
import { pino } from 'pino';
import { Fault } from '../proto/fault.ts';
import { openIdentity } from '../proto/identity.ts';
import { connectKubernetes } from './cluster/kubernetes/client.ts';
import { startCoordinator } from './coordinator.ts';
import { openAuthority } from './identity/open.ts';
import { readSettings } from './settings.ts';

/** Kubernetes kills 30 s after it asked. */
const graceMs = 25_000;

const heard = new AbortController();
const told = Promise.race(
  ['SIGTERM', 'SIGINT'].map((name) => once(process, name, { signal: heard.signal }).then(() => name)),
);
// Also before there is anything to shut down: the first process of a container ends by no signal that it does not hear.
const opening = new AbortController();
told.then(
  (name) => opening.abort(new Fault('Cancelled', `${name} came before it had a certificate`)),
  () => {},
);

try {
  const settings = readSettings(process.argv.slice(2));
  const log = pino({ level: settings.logLevel, base: { part: 'coordinator' } });
  const authority =
    settings.authority &&
    (await openAuthority(connectKubernetes(settings.kubeconfig ?? ''), settings.authority, log, opening.signal));
  const identity = authority?.identity ?? openIdentity(settings.tlsDir, log);
  if (identity.role === undefined) log.warn('plaintext: whoever reaches a port here can move any pod');
  if (identity.role !== undefined && identity.role.kind !== 'coordinator') {
    throw new Fault(
      'InvalidArgument',
      `${settings.tlsDir} holds the certificate of a ${identity.role.kind}, not of coordinator.podferry`,
    );
  }
  const coordinator = await startCoordinator(settings, identity, log, {}, authority);
  log.info(
    {
      listen: coordinator.listen,
      metricsListen: coordinator.metricsListen,
      agents: settings.agents === undefined ? settings.agentSelector : Object.fromEntries(settings.agents),
    },
    'listening',
  );
  const end = await Promise.race([told, coordinator.lost]);
  heard.abort();
  if (end instanceof Fault) {
    // Whoever leads now carries on with what is under way. Started again, this one is the next in line.
    log.error({ reason: end.reason }, end.message);
    process.exitCode = 1;
    await coordinator.close(0);
  } else {
    log.info({ signal: end }, 'shutting down: what is not committed rolls back, what is committed is finished');
    await coordinator.close(graceMs);
  }
  await authority?.close();
  identity.close();
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  process.stderr.write(`coordinator: ${error.message}\n`);
  // Not when nothing is left to do: what has begun before the rest could not goes on. Whoever starts next carries on.
  process.exit(opening.signal.aborted ? 0 : 2);
}
