/**
 * Fills a Redis, and says what is in it. A process of its own, because only it runs where a pod can be reached.
 *
 *   node redis-data.ts fill ADDRESS --mb MB     random values, so that no two fillings look the same
 *   node redis-data.ts content ADDRESS          reads every key and value
 *
 * stdout: {keys, bytes, digest} as JSON; equal digests mean equal keys with equal values.
 */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { Broken, RedisConnection } from './redis-connection.ts';

export interface RedisContent {
  keys: number;
  /** Of the values. */
  bytes: number;
  digest: string;
}

const port = 6379;
const timeoutMs = 20_000;
const valueBytes = 1024;
/** Commands under way at a time: enough to be fast, few enough to stay small. */
const batch = 256;

async function fill(redis: RedisConnection, mb: number): Promise<void> {
  const count = Math.round((mb * (1 << 20)) / valueBytes);
  for (let at = 0; at < count; at += batch) {
    const numbers = Array.from({ length: Math.min(batch, count - at) }, (_, index) => at + index);
    await Promise.all(
      numbers.map(async (number) => await redis.command(['SET', `data:${number}`, randomBytes(valueBytes)], timeoutMs)),
    );
  }
}

async function content(redis: RedisConnection, except: string | undefined): Promise<RedisContent> {
  const keys = (await keysOf(redis)).filter((key) => except === undefined || !key.startsWith(except)).sort();
  const hash = createHash('sha256');
  let bytes = 0;
  for (let at = 0; at < keys.length; at += batch) {
    const some = keys.slice(at, at + batch);
    const values = await redis.command(['MGET', ...some], timeoutMs);
    if (!Array.isArray(values)) throw new Error('MGET was not answered with a list');
    for (const [index, key] of some.entries()) {
      const value = values[index];
      if (!Buffer.isBuffer(value)) throw new Error(`${key} was there a moment ago, and has no value now`);
      // The length stands before each, or the end of one could be the beginning of the next.
      hash.update(`${key.length} ${key} ${value.length} `).update(value);
      bytes += value.length;
    }
  }
  return { keys: keys.length, bytes, digest: hash.digest('hex') };
}

/** SCAN may name a key more than once. */
async function keysOf(redis: RedisConnection): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = '0';
  do {
    const answer = await redis.command(['SCAN', cursor, 'COUNT', '1000'], timeoutMs);
    const [next, found] = Array.isArray(answer) ? answer : [];
    if (!Array.isArray(found)) throw new Error('SCAN was not answered with a list');
    cursor = String(next);
    for (const key of found) keys.add(String(key));
  } while (cursor !== '0');
  return [...keys];
}

async function connected(address: string, work: (redis: RedisConnection) => Promise<void>): Promise<void> {
  const redis = await open(address);
  try {
    await work(redis);
  } finally {
    redis.close();
  }
}

/** A Redis that has just been started may not listen yet. */
async function open(address: string): Promise<RedisConnection> {
  const patience = performance.now() + 5_000;
  for (;;) {
    try {
      return await RedisConnection.open(address, port, 1_000);
    } catch (error) {
      if (!(error instanceof Broken && error.kind === 'refused') || performance.now() > patience) throw error;
      await sleep(20);
    }
  }
}

function print(content: RedisContent): void {
  process.stdout.write(`${JSON.stringify(content)}\n`);
}

const program = new Command('redis-data');
program
  .command('fill <address>')
  .requiredOption('--mb <mb>', 'megabytes', Number)
  .action(async (address: string, { mb }: { mb: number }) => {
    await connected(address, async (redis) => {
      await fill(redis, mb);
      print(await content(redis, undefined));
    });
  });
program
  .command('content <address>')
  .option('--except <prefix>', 'leaves keys with this prefix out')
  .action(async (address: string, { except }: { except?: string }) => {
    await connected(address, async (redis) => print(await content(redis, except)));
  });
await program.parseAsync();
