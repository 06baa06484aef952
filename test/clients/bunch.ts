import { randomBytes } from 'node:crypto';
import type { Addresses } from './addresses.ts';
import type { OpenClient } from './client.ts';
import { DnsResolver, DnsSocket } from './dns.ts';
import { HttpKeepAlive } from './http.ts';
import { PostgresListener, PostgresTransaction } from './postgres.ts';
import { RedisBlocked, RedisPipeline, RedisSilent, RedisSubscriber } from './redis.ts';
import { SshSession } from './ssh.ts';
import { WebSocketEcho } from './websocket.ts';

type Open = (at: Addresses, id: string) => Promise<OpenClient>;

/** By kind: what a client of it talks to, and how it is opened. */
export const kinds = {
  'redis-pipeline': { needs: 'redis', open: (at, id) => RedisPipeline.open(at, id) },
  'http-keep-alive': { needs: 'http', open: (at) => HttpKeepAlive.open(at) },
  'postgres-transaction': { needs: 'postgres', open: (at, id) => PostgresTransaction.open(at, id) },
  ssh: { needs: 'ssh', open: (at, id) => SshSession.open(at, id) },
  'redis-tls': { needs: 'redis', open: (at, id) => RedisPipeline.openSecure(at, id) },
  websocket: { needs: 'http', open: (at) => WebSocketEcho.open(at) },
  'postgres-listener': { needs: 'postgres', open: (at, id) => PostgresListener.open(at, id) },
  'redis-subscriber': { needs: 'redis', open: (at, id) => RedisSubscriber.open(at, id) },
  'redis-silent': { needs: 'redis', open: (at) => RedisSilent.open(at) },
  'redis-blocked': { needs: 'redis', open: (at, id) => RedisBlocked.open(at, id) },
  'dns-resolver': { needs: 'dns', open: (at, id) => DnsResolver.open(at, id) },
  'dns-socket': { needs: 'dns', open: (at, id) => DnsSocket.open(at, id) },
} as const satisfies Record<string, { needs: keyof Addresses; open: Open }>;

export type Kind = keyof typeof kinds;

/** The kinds that there are servers for. */
export function kindsFor(at: Addresses): Kind[] {
  return (Object.keys(kinds) as Kind[]).filter((kind) => at[kinds[kind].needs] !== undefined);
}

/** Which clients a bunch of so many has: of each kind as many as of any other, or one more. */
export function mix(of: readonly Kind[], count: number): Kind[] {
  if (of.length === 0) throw new Error('no kind of client was asked for, or no server is there for any');
  return Array.from({ length: count }, (_, number) => of[number % of.length] as Kind);
}

/**
 * Opens so many clients of several kinds; none works yet. One that cannot be opened is the end of all.
 *
 * @param of all kinds that there are servers for unless told
 */
export async function openBunch(
  at: Addresses,
  count: number,
  of: readonly Kind[] = kindsFor(at),
): Promise<OpenClient[]> {
  const run = randomBytes(4).toString('hex');
  const opened: OpenClient[] = [];
  try {
    for (const [number, kind] of mix(of, count).entries()) {
      opened.push(await open(kind, at, `${kind}-${run}-${number}`));
    }
    return opened;
  } catch (error) {
    await Promise.all(opened.map(async (client) => await client.stop(at)));
    throw error;
  }
}

async function open(kind: Kind, at: Addresses, id: string): Promise<OpenClient> {
  try {
    return await kinds[kind].open(at, id);
  } catch (error) {
    throw new Error(`${id} could not be opened: ${String(error)}`, { cause: error });
  }
}
