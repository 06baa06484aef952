/** Two nodes on one machine: real certificates, real sockets, a real directory. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NfsTransport } from '../../../agent/transfer/nfs/nfs.ts';
import { Share } from '../../../agent/transfer/nfs/share.ts';
import { Listener } from '../../../agent/transfer/stream/listener.ts';
import { StreamTransport } from '../../../agent/transfer/stream/stream.ts';
import type { Arriving, Destination, Entry, Grant, Sink, Transport } from '../../../agent/transfer/transfer.ts';
import { type Identity, openIdentity } from '../../../proto/identity.ts';
import { makeCertificates } from '../../lab/certificates.ts';
import { Wire } from './wire.ts';

/** Short, so that a test of a cut link is short too. In milliseconds. */
export const stallMs = 600;

export const silent = { info() {}, warn() {} };

export type Kind = 'stream' | 'plaintext' | 'nfs';

/** Whom the source claims to be: directories of certificates. */
export type Who = 'node-a.agent.podferry' | 'node-b.agent.podferry' | 'client.podferry' | 'foreign';

export interface World {
  readonly kind: Kind;
  readonly directory: string;
  readonly certificates: string;
  readonly target: Transport;
  readonly listener: Listener;
  readonly wire: Wire;
  source(who?: Who): Transport;
  tls(who: Who): Identity;
  /** Where the source connects to, with the token given. */
  to(token: string, other?: Partial<Destination>): Destination;
  /** Changes a byte of what is under way, after the sink has begun to take it. */
  corrupt(): Promise<void>;
  /** Files that transfers left in the shared directory. */
  left(): Promise<string[]>;
  end(): Promise<void>;
}

export const grant: Grant = { migration: 'moving-day', peer: 'node-a', validMs: 5_000 };

/** They take longer to make than most tests do, so all tests of a file have the same. */
export async function makeCertificatesOnce(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'podferry-certificates-'));
  await makeCertificates(directory, ['node-a', 'node-b']);
  return directory;
}

export async function makeWorld(kind: Kind, certificates: string): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'podferry-transfer-'));
  const shared = join(directory, 'shared');
  await mkdir(shared);
  const opened: Identity[] = [];
  const identity = (who: Who) => {
    const made = openIdentity(kind === 'plaintext' ? undefined : join(certificates, who), silent);
    opened.push(made);
    return made;
  };
  const listener = new Listener({
    address: '127.0.0.1:0',
    identity: identity('node-b.agent.podferry'),
    log: silent,
    stallMs,
  });
  await listener.listen();
  const wire = await Wire.to(listener.port);
  const transport = (who: Who, node: string): Transport => {
    const stream = new StreamTransport(listener, identity(who), { stallMs, rehearsalBytes: 1 << 20 });
    return kind === 'nfs' ? new NfsTransport(new Share(shared, node, silent), stream) : stream;
  };
  return {
    kind,
    directory,
    certificates,
    listener,
    wire,
    target: transport('node-b.agent.podferry', 'node-b'),
    source: (who = 'node-a.agent.podferry') => transport(who, 'node-a'),
    tls: identity,
    to: (token, other) => ({ migration: grant.migration, address: wire.address, peer: 'node-b', token, ...other }),
    async corrupt() {
      if (kind !== 'nfs') return wire.disturb();
      for (const name of await files(shared)) if (/segment-[1-9][0-9]*$/.test(name)) await flipLast(join(shared, name));
    },
    left: () => files(shared),
    async end() {
      wire.close();
      await listener.close();
      for (const one of opened) one.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function files(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).sort();
}

async function flipLast(path: string): Promise<void> {
  const content = await readFile(path);
  const last = content.length - 1;
  content.writeUInt8(content.readUInt8(last) ^ 1, last);
  await writeFile(path, content);
}

/** Remembers what it was given. */
export class Remembering implements Sink {
  readonly taken: { entry: Entry; content: Buffer }[] = [];
  settled = 0;
  /** Called before the body is read. */
  first: (entry: Entry) => Promise<void> = () => Promise.resolve();

  async accept(entry: Entry, body: Arriving): Promise<void> {
    await this.first(entry);
    const parts: Buffer[] = [];
    for await (const part of body) parts.push(Buffer.from(part));
    this.taken.push({ entry, content: Buffer.concat(parts) });
  }

  settle(): Promise<void> {
    this.settled += 1;
    return Promise.resolve();
  }
}

/** Bytes that compress, repeat or align with nothing. */
export function noise(bytes: number, seed = 1): Buffer {
  const made = Buffer.allocUnsafe(bytes);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < bytes; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    made[at] = state >>> 24;
  }
  return made;
}

export function soon(ms = 10_000): AbortSignal {
  return AbortSignal.timeout(ms);
}
