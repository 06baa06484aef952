/** A coordinator's door with an authority behind it, and agents that go there: real servers, real TLS. */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Server } from '@grpc/grpc-js';
import { CoreV1Api } from '@kubernetes/client-node';
import { pino } from 'pino';
import { Enrolment } from '../../../agent/identity/enrolment.ts';
import type { Spans } from '../../../coordinator/identity/decide.ts';
import { type OpenAuthority, openAuthority } from '../../../coordinator/identity/open.ts';
import { listen } from '../../../coordinator/listen.ts';
import { type Identity, identityFrom } from '../../../proto/identity.ts';
import { load } from '../../../proto/load.ts';
import { namespace, Store } from './store.ts';

export const silent = pino({ level: 'silent' });

/** Of an authority that stays as it is during a test. */
export const calm: Spans = { authorityMs: 3_600_000, certificateMs: 600_000, delayMs: 60_000 };

export interface AgentOptions {
  token?: string;
  /** Whose --node it says to be, if not the one its pod is on. */
  node?: string;
}

export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'podferry-identity-'));
  readonly store = new Store();
  readonly #ends: (() => void | Promise<void>)[] = [];
  #port = 0;

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** The first one listens where agents ask. */
  async coordinator(spans: Spans, kind: 'own' | 'given' = 'own', log = silent): Promise<OpenAuthority> {
    const config = this.store.server.config();
    const kubernetes = { config, core: config.makeApiClient(CoreV1Api) };
    const objects = { namespace, secret: 'podferry-authority', trustConfigMap: 'podferry-trust' };
    const settings = { kind, ...objects, agentServiceAccount: 'podferry-agent', spans };
    const authority = await openAuthority(kubernetes, settings, log, new AbortController().signal);
    const server = new Server();
    server.addService(load('authority.proto').podferry.v1.Authority.service, { ...authority.service });
    const at = { host: '127.0.0.1', port: 0 };
    const listening = await listen(server, at, authority.identity, true);
    if (this.#port === 0) this.#port = listening.port;
    this.atEnd(async () => {
      listening.close();
      server.forceShutdown();
      await authority.close();
    });
    return authority;
  }

  lead(authority: OpenAuthority): AbortController {
    const leads = new AbortController();
    authority.lead(leads.signal);
    return leads;
  }

  /** Writes the trust as kubelet would bring it. */
  async bringTrust(): Promise<string> {
    const file = join(this.directory, 'ca.crt');
    await writeFile(file, this.store.trust);
    return file;
  }

  async agent(node: string, { token, node: said = node }: AgentOptions = {}) {
    const tokenFile = join(this.directory, `token-of-${node}`);
    await writeFile(tokenFile, token ?? this.store.addAgent(node));
    const caFile = await this.bringTrust();
    const tlsDir = join(this.directory, `tls-of-${node}`);
    const gone = new AbortController();
    this.atEnd(() => gone.abort());
    const options = { node: said, authority: this.address, tokenFile, caFile, tlsDir };
    const pace = { firstPauseMs: 50, longestPauseMs: 200, lookMs: 50 };
    const enrolment = await Enrolment.open(options, silent, gone.signal, pace);
    const identity = identityFrom(enrolment, silent);
    const keeping = enrolment.keep(gone.signal);
    this.atEnd(async () => {
      gone.abort();
      await keeping;
      identity.close();
    });
    return { identity, options, enrolment, gone };
  }

  atEnd(end: () => void | Promise<void>): void {
    this.#ends.push(end);
  }

  async close(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
    await this.store.server.stop();
    rmSync(this.directory, { recursive: true });
  }
}

export function clientOf(stage: Stage, port: number, identity: Identity, expected: string): Client {
  // Channels with the same options share a connection: each of these is to have its own.
  const options = { ...identity.channelOptions(expected), 'grpc.use_local_subchannel_pool': 1 };
  const client = new Client(`127.0.0.1:${port}`, identity.channelCredentials(), options);
  stage.atEnd(() => client.close());
  return client;
}
