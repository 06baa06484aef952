import { describe, expect, it } from 'vitest';
import { Queue } from '../../../coordinator/migration/queue.ts';
import { Fault } from '../../../proto/fault.ts';

const never = new AbortController().signal;
const leaving = new Fault('Cancelled', 'leaves');

/** Starts waiting, and tells in order who was let in. */
function line(queue: Queue, entered: string[]) {
  return (id: string, nodes: string[], signal = never) => {
    const claim = queue.claim(`default/${id}`, id);
    const turn = queue.turn(id, nodes, signal).then(() => entered.push(id));
    turn.catch(() => {});
    return { claim, turn };
  };
}

const settle = async () => await new Promise((resolve) => setImmediate(resolve));

describe('a pod', () => {
  it('is claimed by one migration at a time, from before its preflight to its end', () => {
    const queue = new Queue({ perNode: 2, total: 4 });
    const claim = queue.claim('default/redis', 'mig-1');
    expect(() => queue.claim('default/redis', 'mig-2')).toThrow(/mig-1/);
    expect(queue.holder('default/redis')).toBe('mig-1');
    queue.release(claim);
    expect(() => queue.claim('default/redis', 'mig-2')).not.toThrow();
  });

  it('is not given free by a claim that was given back already', () => {
    const queue = new Queue({ perNode: 2, total: 4 });
    const old = queue.claim('default/redis', 'mig-1');
    queue.release(old);
    queue.claim('default/redis', 'mig-2');
    queue.release(old);
    expect(queue.holder('default/redis')).toBe('mig-2');
  });
});

describe('a migration of which only connections are left', () => {
  it.each([
    ['keeps its own pod, which is on its way out', false, 'mig-1'],
    ['gives up a name that another pod has by now', true, undefined],
  ])('%s, and gives its places to others', async (_what, name, holder) => {
    const queue = new Queue({ perNode: 1, total: 1 });
    const entered: string[] = [];
    const claim = queue.claim('default/redis', 'mig-1');
    queue.enterRunning('mig-1', ['a', 'b']);
    line(queue, entered)('one', ['a', 'b']);
    queue.giveWay(claim, { name });
    await settle();
    expect(entered).toEqual(['one']);
    expect(queue.holder('default/redis')).toBe(holder);
    queue.release(claim);
    expect(queue.holder('default/redis')).toBeUndefined();
    expect(queue.running).toBe(1);
  });
});

describe('the queue', () => {
  it('lets in as many as there may be in all, in their order', async () => {
    const queue = new Queue({ perNode: 9, total: 2 });
    const entered: string[] = [];
    const enter = line(queue, entered);
    const [first] = [
      enter('one', ['a', 'b']),
      enter('two', ['a', 'b']),
      enter('three', ['a', 'b']),
      enter('four', ['a', 'b']),
    ];
    await settle();
    expect(entered).toEqual(['one', 'two']);
    expect([queue.running, queue.waiting]).toEqual([2, 2]);
    queue.release(first.claim);
    await settle();
    expect(entered).toEqual(['one', 'two', 'three']);
  });

  it('counts a node as source and as target alike', async () => {
    const queue = new Queue({ perNode: 1, total: 9 });
    const entered: string[] = [];
    const enter = line(queue, entered);
    enter('one', ['a', 'b']);
    enter('two', ['b', 'c']);
    enter('three', ['d', 'e']);
    await settle();
    expect(entered).toEqual(['one', 'three']);
    expect(queue.load('b')).toBe(1);
  });

  it('knows what a node will have to do: those that wait, too', async () => {
    const queue = new Queue({ perNode: 1, total: 9 });
    const enter = line(queue, []);
    enter('one', ['a', 'b']);
    const two = enter('two', ['a', 'c']);
    await settle();
    expect(['a', 'b', 'c'].map((node) => [queue.load(node), queue.demand(node)])).toEqual([
      [1, 2],
      [1, 1],
      [0, 1],
    ]);
    queue.release(two.claim);
    expect(queue.demand('a')).toBe(1);
  });

  it('lets nobody overtake on a node that somebody waits for', async () => {
    const queue = new Queue({ perNode: 1, total: 9 });
    const entered: string[] = [];
    const enter = line(queue, entered);
    const one = enter('one', ['a', 'b']);
    enter('two', ['b', 'c']);
    enter('three', ['c', 'd']);
    await settle();
    expect(entered).toEqual(['one']);
    queue.release(one.claim);
    await settle();
    expect(entered).toEqual(['one', 'two']);
  });

  it('is left by one that is cancelled, and those behind it move up', async () => {
    const queue = new Queue({ perNode: 1, total: 9 });
    const entered: string[] = [];
    const enter = line(queue, entered);
    enter('one', ['a', 'b']);
    const cancel = new AbortController();
    const two = enter('two', ['b', 'c'], cancel.signal);
    enter('three', ['c', 'd']);
    await settle();
    cancel.abort(leaving);
    await expect(two.turn).rejects.toBe(leaving);
    await settle();
    expect(entered).toEqual(['one', 'three']);
  });

  it('counts those that were under way before it was, and lets them in beyond every limit', async () => {
    const queue = new Queue({ perNode: 1, total: 1 });
    const entered: string[] = [];
    const old = queue.claim('default/old', 'old');
    queue.enterRunning('old', ['a', 'b']);
    line(queue, entered)('one', ['c', 'd']);
    await settle();
    expect(entered).toEqual([]);
    queue.release(old);
    await settle();
    expect(entered).toEqual(['one']);
  });
});
