/** All that has to do with identities, put together for a coordinator that has an authority. */
import type { Logger } from 'pino';
import type { AuthorityHandlers } from '../../proto/gen/podferry/v1/Authority.ts';
import { type Identity, identityFrom } from '../../proto/identity.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../proto/fault.ts';
import type { Kubernetes } from '../cluster/kubernetes/client.ts';
import { Reviews } from '../people/reviews.ts';
import type { Authority, Place } from './authority.ts';
import { agentAudience, bearerOf } from './bearer.ts';
import type { Spans } from './decide.ts';
import { GivenAuthority } from './given.ts';
import { authorityService } from './issue.ts';
import { Objects } from './objects.ts';
import { OwnAuthority } from './own.ts';
import { OwnCertificate } from './own-certificate.ts';

export interface AuthoritySettings extends Place {
  kind: 'own' | 'given';
  agentServiceAccount: string;
  spans: Spans;
}

export interface OpenAuthority {
  identity: Identity;
  service: AuthorityHandlers;
  /** Does what is a leader's to do, until the signal. */
  lead(signal: AbortSignal): void;
  close(): Promise<void>;
}

/** Waits until there is an authority. @throws the signal's reason */
export async function openAuthority(
  { config, core }: Pick<Kubernetes, 'config' | 'core'>,
  settings: AuthoritySettings,
  log: Logger,
  signal: AbortSignal,
): Promise<OpenAuthority> {
  const { kind, namespace, secret, spans, agentServiceAccount: serviceAccount } = settings;
  const objects = new Objects(core, settings);
  const authority = kind === 'own' ? new OwnAuthority(objects, spans, log) : new GivenAuthority(objects, spans, log);
  const certificate = await OwnCertificate.first(authority, `Secret ${namespace}/${secret}`, log, signal);
  const closing = new AbortController();
  const identity = identityFrom(certificate, log);
  const intervalMs = intervalOf(spans);
  const running = [certificate.keep(intervalMs, closing.signal)];
  const reviews = new Reviews(config, agentAudience, closing.signal);
  const account = { namespace, serviceAccount };
  return {
    identity,
    service: authorityService({
      authority,
      bearerOf: async (token, gone) => await bearerOf(token, account, reviews, core, gone),
      log,
    }),
    lead(until) {
      running.push(tend(authority, intervalMs, log, AbortSignal.any([until, closing.signal])));
    },
    async close() {
      closing.abort(new Fault('Cancelled', 'the coordinator is shutting down'));
      await Promise.all(running);
      identity.close();
    },
  };
}

/** Often enough to notice everything well before anybody acts upon it. */
function intervalOf({ delayMs, certificateMs }: Spans): number {
  return Math.max(100, Math.min(10_000, delayMs / 4, certificateMs / 10));
}

async function tend(authority: Authority, intervalMs: number, log: Logger, signal: AbortSignal): Promise<void> {
  let complaint = '';
  while (!signal.aborted) {
    try {
      await authority.tend(signal);
      complaint = '';
    } catch (error) {
      if (signal.aborted) return;
      const { reason, message } = Fault.from(error, 'Internal');
      if (message !== complaint) log.warn({ reason }, `the authority is not looked after: ${message}`);
      complaint = message;
    }
    await sleep(intervalMs, undefined, { signal }).catch(() => {});
  }
}
