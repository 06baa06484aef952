import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { sendPages } from '../../../agent/source/send-pages.ts';
import { grant, makeCertificatesOnce, makeWorld, noise, Remembering, soon, type World } from '../transfer/world.ts';

let certificates: string;
let images: string;
let world: World;
beforeAll(async () => {
  certificates = await makeCertificatesOnce();
});
beforeEach(async () => {
  world = await makeWorld('stream', certificates);
  images = mkdtempSync(join(tmpdir(), 'podferry-pages-'));
});
afterEach(async () => {
  await world.end();
  rmSync(images, { recursive: true });
});
afterAll(() => rmSync(certificates, { recursive: true }));

async function begin() {
  const sink = new Remembering();
  const inbox = world.target.expect(grant, sink);
  return { sink, outbox: await world.source().open(world.to(inbox.token), soon()) };
}

it('sends what is written meanwhile, and all of it once it is complete', async () => {
  const { sink, outbox } = await begin();
  const dumped = Promise.withResolvers<void>();
  const sending = sendPages(outbox, 'redis', images, dumped.promise);
  writeFileSync(join(images, 'core-1.img'), noise(9_000));
  for (let piece = 0; piece < 7; piece += 1) {
    appendFileSync(join(images, 'pages-1.img'), noise(300_001, piece));
    if (piece > 4) appendFileSync(join(images, 'pages-2.img'), noise(10, piece));
    await delay(2);
  }
  await expect.poll(() => sink.taken.length).toBeGreaterThan(1);
  appendFileSync(join(images, 'pages-1.img'), noise(17));
  dumped.resolve();
  expect(await sending).toEqual(new Set(['pages-1.img', 'pages-2.img']));
  await outbox.seal(soon());

  for (const name of ['pages-1.img', 'pages-2.img']) {
    const pieces = sink.taken.filter(({ entry }) => entry.path === name);
    let next = 0;
    for (const { entry, content } of pieces) {
      expect(entry).toMatchObject({ channel: 'redis/memory', op: 'pages', meta: { at: next } });
      next += content.length;
    }
    expect(Buffer.concat(pieces.map(({ content }) => content)).equals(readFileSync(join(images, name)))).toBe(true);
  }
  expect(sink.taken.every(({ entry }) => entry.path?.startsWith('pages-'))).toBe(true);
});

it('ends with a dump that fails, and with a transfer that does', async () => {
  const { outbox } = await begin();
  const dumped = Promise.withResolvers<void>();
  const sending = sendPages(outbox, 'redis', images, dumped.promise);
  dumped.reject(new Error('CRIU has failed'));
  await expect(sending).rejects.toThrow('CRIU has failed');

  const other = sendPages(outbox, 'redis', images, new Promise(() => {}));
  world.wire.close();
  appendFileSync(join(images, 'pages-1.img'), noise(8 << 20));
  const again = setInterval(() => appendFileSync(join(images, 'pages-1.img'), noise(1 << 20)), 20);
  try {
    await expect(other).rejects.toMatchObject({ name: 'Fault' });
  } finally {
    clearInterval(again);
  }
});
