/** Whom and what every transport does not let in, with nothing touched. */
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Entry } from '../../../agent/transfer/transfer.ts';
import { grant, noise, Remembering, soon, type Who, type World } from './world.ts';

const denied = { reason: 'PermissionDenied' };

export function refuses(world: () => World): void {
  /** The right source still gets through afterwards, and the sink has seen nothing until then. */
  const untouched = async (sink: Remembering, token: string) => {
    expect(sink.taken).toEqual([]);
    expect(sink.settled).toBe(0);
    expect(await world().left()).toEqual([]);
    const outbox = await world().source().open(world().to(token), soon());
    await outbox.seal(soon());
  };

  it.each([
    ['wrong', () => 'A'.repeat(43)],
    ['forged in one bit', (token: string) => (token.startsWith('A') ? 'B' : 'A') + token.slice(1)],
    ['empty', () => ''],
    ['cut off', (token: string) => token.slice(0, -1)],
  ])('refuses a token that is %s', async (_, forge) => {
    const sink = new Remembering();
    const { token } = world().target.expect(grant, sink);
    await expect(
      world()
        .source()
        .open(world().to(forge(token)), soon()),
    ).rejects.toMatchObject(denied);
    await untouched(sink, token);
  });

  it('refuses a token that is for another migration', async () => {
    const sink = new Remembering();
    const { token } = world().target.expect(grant, sink);
    const other = world().to(token, { migration: 'other' });
    await expect(world().source().open(other, soon())).rejects.toMatchObject({
      ...denied,
      message: expect.stringContaining('another migration'),
    });
    await untouched(sink, token);
  });

  it('refuses a token that has been used, while its transfer goes on', async () => {
    const inbox = world().target.expect(grant, new Remembering());
    const outbox = await world().source().open(world().to(inbox.token), soon());
    await expect(world().source().open(world().to(inbox.token), soon())).rejects.toMatchObject({
      ...denied,
      message: expect.stringContaining('used'),
    });
    await outbox.put({ channel: 'redis/images', op: 'file', path: 'x' }, noise(100));
    expect(await outbox.seal(soon())).toEqual(await inbox.done);
    await expect(world().source().open(world().to(inbox.token), soon())).rejects.toMatchObject(denied);
    expect(await world().left()).toEqual([]);
  });

  it('refuses a token that has expired, and says at the target that nobody came', async () => {
    const inbox = world().target.expect({ ...grant, validMs: 30 }, new Remembering());
    await expect(inbox.done).rejects.toMatchObject({ reason: 'DeadlineExceeded' });
    await expect(world().source().open(world().to(inbox.token), soon())).rejects.toMatchObject(denied);
  });

  it.each<[string, Who]>([
    ['of another node', 'node-b.agent.podferry'],
    ['of a client', 'client.podferry'],
    ['of another authority', 'foreign'],
  ])('refuses a right token with a certificate %s', async (_, who) => {
    if (world().kind === 'plaintext') return;
    const sink = new Remembering();
    const { token } = world().target.expect(grant, sink);
    await expect(world().source(who).open(world().to(token), soon())).rejects.toMatchObject(denied);
    await untouched(sink, token);
  });

  it('refuses a connection without a certificate, and one that is not TLS', async () => {
    if (world().kind === 'plaintext') return;
    const sink = new Remembering();
    const { token } = world().target.expect(grant, sink);
    const ca = readFileSync(join(world().certificates, 'client.podferry/ca.crt'));
    const port = Number(world().wire.address.split(':')[1]);
    const bare = connectTls({ host: '127.0.0.1', port, ca, checkServerIdentity: () => undefined });
    bare.resume();
    const [error] = (await once(bare, 'error').catch((thrown: unknown) => [thrown])) as [NodeJS.ErrnoException];
    expect(error.code).toMatch(/CERTIFICATE_REQUIRED|ECONNRESET/);
    await untouched(sink, token);
  });

  it('does not send to a server that is another node', async () => {
    if (world().kind === 'plaintext') return;
    const sink = new Remembering();
    const { token } = world().target.expect(grant, sink);
    await expect(
      world()
        .source()
        .open(world().to(token, { peer: 'node-c' }), soon()),
    ).rejects.toMatchObject({
      ...denied,
      message: expect.stringContaining('node-c.agent.podferry'),
    });
    await untouched(sink, token);
  });

  it('says that nobody is there, within its patience and when cancelled', async () => {
    const { token } = world().target.expect(grant, new Remembering());
    await expect(
      world()
        .source()
        .open(world().to(token, { address: '127.0.0.1:1' }), soon()),
    ).rejects.toMatchObject({ reason: 'AgentUnreachable' });
    await expect(
      world()
        .source()
        .open(world().to(token, { address: 'nowhere' }), soon()),
    ).rejects.toMatchObject({ reason: 'InvalidArgument' });
    world().wire.cut();
    const cancelled = world().source().open(world().to(token), soon(100));
    await expect(cancelled).rejects.toMatchObject({ reason: 'Cancelled' });
    expect(await world().left()).toEqual([]);
  });

  it('refuses entries that are none, and goes on', async () => {
    const sink = new Remembering();
    const { token } = world().target.expect(grant, sink);
    const outbox = await world().source().open(world().to(token), soon());
    const entry = { channel: 'redis/images', op: 'file', path: 'x' };
    for (const wrong of [undefined, {}, { ...entry, path: '../x' }, { ...entry, channel: '..' }]) {
      await expect(outbox.put(wrong as Entry)).rejects.toMatchObject({ reason: 'InvalidArgument' });
    }
    await expect(outbox.put({ ...entry, meta: 'x'.repeat(70_000) })).rejects.toMatchObject({
      reason: 'InvalidArgument',
    });
    await expect(outbox.barrier('../x', soon())).rejects.toMatchObject({ reason: 'InvalidArgument' });
    await outbox.put(entry, noise(10));
    await outbox.seal(soon());
    expect(sink.taken.map(({ entry }) => entry.path)).toEqual(['x']);
  });

  it('ends what is expected and what runs when the agent shuts down', async () => {
    const waiting = world().target.expect(grant, new Remembering());
    const running = world().target.expect(grant, new Remembering());
    const outbox = await world().source().open(world().to(running.token), soon());
    await sleep(10);
    await world().listener.close();
    await expect(waiting.done).rejects.toMatchObject({ reason: 'AgentUnreachable' });
    await expect(running.done).rejects.toMatchObject({ reason: 'AgentUnreachable' });
    await expect.poll(() => outbox.lost.aborted).toBe(true);
  });
}
