/** What every transport does when something goes wrong on the way: both ends learn why, and nothing is left. */
import { execFileSync } from 'node:child_process';
import { symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Inbox, Outbox, Sink } from '../../../agent/transfer/transfer.ts';
import { Fault, type Reason } from '../../../proto/fault.ts';
import { grant, noise, Remembering, soon, stallMs, type World } from './world.ts';

const channel = 'redis/images';
const stop = new Fault('Cancelled', 'the user has changed their mind');

export function breaks(world: () => World): void {
  const begin = async (sink: Sink = new Remembering()): Promise<{ inbox: Inbox; outbox: Outbox }> => {
    const inbox = world().target.expect(grant, sink);
    return { inbox, outbox: await world().source().open(world().to(inbox.token), soon()) };
  };
  /** Both ends have failed with this, and the shared directory is empty. */
  const over = async ({ inbox, outbox }: { inbox: Inbox; outbox: Outbox }, reason: Reason, text = '') => {
    await expect(inbox.done).rejects.toMatchObject({ reason, message: expect.stringContaining(text) });
    await expect.poll(() => outbox.lost.aborted).toBe(true);
    expect(outbox.lost.reason).toMatchObject({ reason, message: expect.stringContaining(text) });
    await expect(outbox.put({ channel, op: 'file' })).rejects.toBe(outbox.lost.reason);
    await expect(outbox.seal(soon())).rejects.toBe(outbox.lost.reason);
    await outbox.abort(stop);
    await inbox.abort(stop);
    await expect.poll(() => world().left()).toEqual([]);
  };

  it.each(['before anything', 'after a barrier', 'amid an entry'])(
    'ends at both ends when the source aborts %s',
    async (when) => {
      const both = await begin();
      if (when === 'after a barrier') {
        await fill(both.outbox, 100_000);
        await both.outbox.barrier('round-1', soon());
      }
      if (when === 'amid an entry') {
        const running = both.outbox.put({ channel, op: 'tar' }, endless());
        running.catch(() => {});
        await sleep(30);
      }
      await both.outbox.abort(stop);
      await over(both, 'Cancelled', 'changed their mind');
    },
  );

  it.each(['before anything', 'after a barrier', 'amid an entry'])(
    'ends at both ends when the target aborts %s',
    async (when) => {
      const both = await begin();
      if (when === 'after a barrier') {
        await fill(both.outbox, 100_000);
        await both.outbox.barrier('round-1', soon());
      }
      const running = when === 'amid an entry' ? both.outbox.put({ channel, op: 'tar' }, endless()) : undefined;
      running?.catch(() => {});
      if (running !== undefined) await sleep(30);
      await both.inbox.abort(stop);
      if (running !== undefined) await expect(running).rejects.toMatchObject({ reason: 'Cancelled' });
      await over(both, 'Cancelled', 'changed their mind');
    },
  );

  it('lets nobody in when the target has aborted before', async () => {
    const inbox = world().target.expect(grant, new Remembering());
    await inbox.abort(stop);
    await expect(world().source().open(world().to(inbox.token), soon())).rejects.toMatchObject({
      reason: 'PermissionDenied',
    });
    await expect(inbox.done).rejects.toBe(stop);
    expect(await world().left()).toEqual([]);
  });

  it('does not return from an abort while the sink still works', async () => {
    let working = false;
    const { inbox, outbox } = await begin({
      async accept() {
        working = true;
        await sleep(100);
        working = false;
      },
    });
    await fill(outbox, 10);
    outbox.barrier('round-1', soon()).catch(() => {});
    await expect.poll(() => working).toBe(true);
    await inbox.abort(stop);
    expect(working).toBe(false);
  });

  it('ends at both ends when waiting for the seal is cancelled', async () => {
    const hung = new Remembering();
    hung.first = () => sleep(200);
    const both = await begin(hung);
    await fill(both.outbox, 10);
    const controller = new AbortController();
    const sealed = both.outbox.seal(controller.signal);
    setTimeout(() => controller.abort(stop), 20);
    await expect(sealed).rejects.toBe(stop);
    await over(both, 'Cancelled');
  });

  it.each([
    ['a fault', new Fault('CopyFailed', 'tar: no such owner'), 'CopyFailed', 'no such owner'],
    [
      'a full disk',
      Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }),
      'StagingSpaceMissing',
      'file pages',
    ],
    ['anything else', new TypeError('cannot read x of undefined'), 'TransferFailed', 'cannot read x'],
  ] as const)('tells the source what the sink threw: %s', async (_, thrown, reason, text) => {
    const both = await begin({ accept: () => Promise.reject(thrown) });
    await fill(both.outbox, 1_000_000).catch(() => {});
    await expect(both.outbox.seal(soon())).rejects.toMatchObject({ reason, message: expect.stringContaining(text) });
    await over(both, reason, text);
  });

  it('tells the source what the sink could not settle', async () => {
    let asked = 0;
    const both = await begin({
      accept: () => Promise.resolve(),
      settle: () =>
        (asked += 1) > 1 ? Promise.reject(new Fault('CopyFailed', 'close: input/output error')) : Promise.resolve(),
    });
    await both.outbox.barrier('round-1', soon()).catch(() => {});
    await both.outbox.barrier('round-2', soon()).catch(() => {});
    await over(both, 'CopyFailed', 'input/output');
  });

  it.each(['idle', 'amid an entry'])('notices within its bound that the link is cut: %s', async (when) => {
    const both = await begin();
    if (when !== 'idle') both.outbox.put({ channel, op: 'tar' }, endless()).catch(() => {});
    await sleep(50);
    const from = performance.now();
    world().wire.cut();
    await Promise.all([
      expect(both.inbox.done).rejects.toMatchObject({ reason: 'TransferFailed' }),
      expect.poll(() => both.outbox.lost.aborted, { timeout: 3_000 }).toBe(true),
    ]);
    expect(performance.now() - from).toBeLessThan(stallMs * 2);
    await over(both, 'TransferFailed', `${stallMs} ms`);
  });

  it('does not take a slow sink for a cut link', async () => {
    const sink = new Remembering();
    sink.first = () => sleep(stallMs * 2);
    const { outbox } = await begin(sink);
    // More than both ends and the kernel between them hold, so that the source has to wait.
    await fill(outbox, 24 << 20);
    expect((await outbox.seal(soon())).bytes).toBe(24 << 20);
  });

  it('ends at both ends when the peer is gone', async () => {
    const both = await begin();
    both.outbox.put({ channel, op: 'tar' }, endless()).catch(() => {});
    await sleep(30);
    world().wire.drop();
    await over(both, 'TransferFailed');
  });

  it('gives no receipt for bytes that were changed on the way', async () => {
    const sink = new Remembering();
    sink.first = async ({ path }) => {
      if (path === 'first') await world().corrupt();
    };
    const both = await begin(sink);
    await both.outbox.put({ channel, op: 'file', path: 'first' }, noise(8)).catch(() => {});
    await fill(both.outbox, 30 << 20).catch(() => {});
    await expect(both.outbox.seal(soon())).rejects.toBeInstanceOf(Fault);
    await expect(both.inbox.done).rejects.toMatchObject({
      reason: expect.stringMatching(/VerifyFailed|TransferFailed/),
    });
    await expect.poll(() => world().left()).toEqual([]);
  });

  it.each(['missing', 'link', 'fifo', 'directory'])('refuses a body that is no regular file: %s', async (kind) => {
    const path = join(world().directory, kind);
    if (kind === 'link') await symlink('/etc/hostname', path);
    if (kind === 'fifo') execFileSync('mkfifo', [path]);
    const both = await begin();
    const from = kind === 'directory' ? world().directory : path;
    await expect(both.outbox.put({ channel, op: 'file', path: 'x' }, { path: from })).rejects.toMatchObject({
      reason: expect.stringMatching(/InvalidArgument|TransferFailed/),
      message: expect.stringContaining(from),
    });
    await both.outbox.abort(stop);
    await expect(both.inbox.done).rejects.toBeInstanceOf(Fault);
  });

  it('says so when a file shrinks while it is read, and when it is not as long as promised', async () => {
    const path = join(world().directory, 'shrinking');
    await writeFile(path, Buffer.alloc(64 << 20));
    const both = await begin();
    const put = both.outbox.put({ channel, op: 'file', path: 'x' }, { path });
    setTimeout(() => void truncate(path, 10), 2);
    await expect(put).rejects.toMatchObject({ reason: 'TransferFailed', message: expect.stringContaining('shrank') });
    await over(both, 'TransferFailed', 'shrank');
    const again = await begin();
    await expect(again.outbox.put({ channel, op: 'file', size: 11 }, { path })).rejects.toMatchObject({
      reason: 'TransferFailed',
    });
    await over(again, 'TransferFailed', '10 bytes instead of 11');
  });

  it('passes on what the producer of a body threw', async () => {
    const both = await begin();
    const failing = (async function* () {
      yield noise(100_000);
      throw new Fault('CopyFailed', 'tar ended with 2');
    })();
    await expect(both.outbox.put({ channel, op: 'tar' }, failing)).rejects.toMatchObject({ reason: 'CopyFailed' });
    await over(both, 'CopyFailed', 'tar ended');
  });
}

async function fill(outbox: Outbox, bytes: number): Promise<void> {
  await outbox.put({ channel, op: 'file', path: 'pages' }, noise(bytes));
}

async function* endless(): AsyncGenerator<Buffer> {
  const part = noise(100_000);
  for (;;) {
    await sleep(1);
    yield part;
  }
}
