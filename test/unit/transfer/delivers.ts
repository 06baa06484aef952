/** What every transport does when nothing goes wrong. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Body, Entry } from '../../../agent/transfer/transfer.ts';
import { grant, noise, Remembering, soon, type World } from './world.ts';

const channel = 'redis/images';

export function delivers(world: () => World): void {
  const begin = async (sink: Remembering) => {
    const inbox = world().target.expect(grant, sink);
    return { inbox, outbox: await world().source().open(world().to(inbox.token), soon()) };
  };

  it('brings entries of every size and kind of body, in order', async () => {
    const file = join(world().directory, 'pages-1.img');
    await writeFile(file, noise(3_000_001, 7));
    const sent: { entry: Entry; body?: Body; content: Buffer }[] = [
      { entry: { channel, op: 'file', path: 'empty' }, body: Buffer.alloc(0), content: Buffer.alloc(0) },
      { entry: { channel, op: 'file', path: 'one' }, body: Buffer.from('x'), content: Buffer.from('x') },
      ...[4_095, 65_536, 262_139, 262_144, 1_048_577].map((bytes) => {
        const content = noise(bytes, bytes);
        return { entry: { channel, op: 'file', path: `of/${bytes}` }, body: content, content };
      }),
      { entry: { channel, op: 'file', path: 'pages-1.img' }, body: { path: file }, content: noise(3_000_001, 7) },
      {
        entry: { channel, op: 'file', path: 'a-part', size: 1_000_000 },
        body: { path: file, range: { from: 1_500_000, to: 2_500_000 } },
        content: noise(3_000_001, 7).subarray(1_500_000, 2_500_000),
      },
      { entry: { channel: 'redis/rootfs', op: 'tar' }, body: pieces(noise(700_000, 3)), content: noise(700_000, 3) },
      {
        entry: { channel, op: 'file', path: 'promised', size: 70_000 },
        body: pieces(noise(70_000)),
        content: noise(70_000),
      },
      {
        entry: { channel, op: 'finish', path: 'ä\n"b', meta: { mode: 0o644, links: ['a', null], big: 2 ** 40 } },
        content: Buffer.alloc(0),
      },
    ];
    const sink = new Remembering();
    const { inbox, outbox } = await begin(sink);
    for (const { entry, body } of sent) await outbox.put(entry, body);
    const receipt = await outbox.seal(soon());
    expect(receipt.bytes).toBe(sent.reduce((sum, { content }) => sum + content.length, 0));
    expect(await inbox.done).toEqual(receipt);
    expect(inbox.bytes).toBe(receipt.bytes);
    expect(outbox.bytes).toBe(receipt.bytes);
    expect(sink.taken.length).toBe(sent.length);
    for (const [at, { entry, content }] of sent.entries()) {
      expect(sink.taken[at]?.entry).toMatchObject(entry);
      expect(sink.taken[at]?.content.equals(content), entry.path ?? entry.op).toBe(true);
    }
    expect(await world().left()).toEqual([]);
  });

  it('has everything taken and settled when a barrier is answered, round after round', async () => {
    const sink = new Remembering();
    const { inbox, outbox } = await begin(sink);
    const before = sink.settled;
    let bytes = 0;
    for (let round = 1; round <= 3; round += 1) {
      for (let at = 0; at < 5; at += 1)
        await outbox.put({ channel, op: 'file', path: `${round}/${at}` }, noise(50_000, at));
      bytes += 250_000;
      const receipt = await outbox.barrier(`round-${round}`, soon());
      expect(receipt.bytes).toBe(bytes);
      expect(sink.taken.length).toBe(round * 5);
      expect(sink.settled).toBe(before + round);
    }
    expect(await outbox.barrier('nothing-new', soon())).toMatchObject({ bytes });
    expect(await outbox.seal(soon())).toEqual(await inbox.done);
  });

  it('keeps entries whole that are put at the same time', async () => {
    const sink = new Remembering();
    const { outbox } = await begin(sink);
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        outbox.put({ channel, op: 'file', path: `${at}` }, pieces(noise(30_000, at))),
      ),
    );
    await outbox.seal(soon());
    expect(sink.taken.map(({ entry }) => entry.path)).toEqual(Array.from({ length: 20 }, (_, at) => `${at}`));
    for (const [at, { content }] of sink.taken.entries()) expect(content.equals(noise(30_000, at))).toBe(true);
  });

  it('skips what a sink does not read', async () => {
    const taken: string[] = [];
    const inbox = world().target.expect(grant, {
      async accept(entry, body) {
        taken.push(entry.path ?? '');
        for await (const part of body) if (part.length > 0) break;
      },
    });
    const outbox = await world().source().open(world().to(inbox.token), soon());
    for (const path of ['a', 'b']) await outbox.put({ channel, op: 'file', path }, noise(2_000_000));
    expect((await outbox.seal(soon())).bytes).toBe(4_000_000);
    expect(taken).toEqual(['a', 'b']);
  });

  it('carries 100 MB of unknown size in bounded memory, and says how far it is', async () => {
    const block = noise(1 << 20);
    let made = 0;
    let most = 0;
    async function* stream(): AsyncGenerator<Buffer> {
      for (; made < 100; made += 1) {
        yield block;
        most = Math.max(most, process.memoryUsage().rss);
      }
    }
    let seen = 0;
    const inbox = world().target.expect(grant, {
      async accept(_, body) {
        for await (const part of body) seen += part.length;
      },
    });
    const progress: number[] = [];
    const to = world().to(inbox.token, { onProgress: (bytes) => progress.push(bytes) });
    const outbox = await world().source().open(to, soon());
    const before = process.memoryUsage().rss;
    await outbox.put({ channel, op: 'file' }, stream());
    expect((await outbox.seal(soon())).bytes).toBe(100 << 20);
    expect(seen).toBe(100 << 20);
    // Both ends are in this process, and V8 frees buffers when it pleases.
    expect(most - before).toBeLessThan(80 << 20);
    expect(progress.at(-1)).toBe(100 << 20);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress[0]).toBeGreaterThan(0);
  });
}

/** In parts of odd sizes, empty ones among them. */
async function* pieces(content: Buffer): AsyncGenerator<Buffer> {
  const sizes = [1, 0, 10_007, 17, 66_001];
  for (let at = 0, turn = 0; at < content.length; turn += 1) {
    const part = content.subarray(at, at + (sizes[turn % sizes.length] ?? 1));
    at += part.length;
    yield await Promise.resolve(part);
  }
}
