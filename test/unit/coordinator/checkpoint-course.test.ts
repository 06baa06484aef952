/** Steps one after the other, and back. */
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { Active } from '../../../coordinator/checkpoint/active.ts';
import { type CourseStep, inOrder, insist, isSilence } from '../../../coordinator/checkpoint/course.ts';
import { Fault } from '../../../proto/fault.ts';

const patience = { rollBackMs: 60, forwardMs: 60, heldMs: 0, firstPauseMs: 5, longestPauseMs: 10 };
const course = { patience, log: pino({ level: 'silent' }) };
let did: string[];
let stop: AbortController;
let halt: AbortController;

beforeEach(() => {
  did = [];
  stop = new AbortController();
  halt = new AbortController();
});

function step(name: string, more: Partial<CourseStep<typeof course>> = {}): CourseStep<typeof course> {
  return {
    name,
    act: async () => void did.push(name),
    undo: async () => void did.push(`not ${name}`),
    ...more,
  };
}

const fails = (reason: 'DumpFailed' | 'AgentUnreachable' = 'DumpFailed') =>
  step('bad', { act: async () => await Promise.reject(new Fault(reason, 'no')) });
const take = async (...steps: CourseStep<typeof course>[]) =>
  await inOrder(steps, course, { stop: stop.signal, halt: halt.signal });

describe('a course', () => {
  it('takes all of its steps', async () => {
    expect(await take(step('a'), step('b'))).toEqual({ done: true });
    expect(did).toEqual(['a', 'b']);
  });

  it('undoes those that were begun, the last one first, that which failed too', async () => {
    const result = await take(step('a'), step('b'), fails(), step('c'));
    expect(result).toMatchObject({ done: false, fault: { reason: 'DumpFailed' }, left: [] });
    expect(did).toEqual(['a', 'b', 'not bad', 'not b', 'not a']);
  });

  it('repeats an undo, and says what could not be undone', async () => {
    let tries = 0;
    const stubborn = step('a', {
      async undo() {
        tries += 1;
        await Promise.reject(new Fault('AgentUnreachable', 'node-a is away'));
      },
    });
    const result = await take(step('first'), stubborn, fails());
    expect(result).toMatchObject({ done: false, left: ['node-a is away'] });
    expect(tries).toBeGreaterThan(2);
    expect(did.at(-1)).toBe('not first');
  });

  it('goes back when it is stopped, but not out of a step that insists', async () => {
    const insisting = step('insists', {
      insists: true,
      async act(_course, signal) {
        stop.abort(new Fault('Cancelled', 'not wanted'));
        signal.throwIfAborted();
        did.push('insists');
        await Promise.resolve();
      },
    });
    expect(await take(insisting, step('b'))).toMatchObject({ done: false, fault: { reason: 'Cancelled' } });
    expect(did).toEqual(['insists', 'not insists']);
  });

  it('leaves everything as it is when it is halted', async () => {
    const halting = step('a', {
      async act(_course, signal) {
        halt.abort(new Fault('CoordinatorRestarted', 'gone'));
        await Promise.resolve();
        signal.throwIfAborted();
      },
    });
    await expect(take(halting)).rejects.toMatchObject({ reason: 'CoordinatorRestarted' });
    expect(did).toEqual([]);
  });
});

it('silence is worth another try, a refusal is an answer', async () => {
  const answers = [
    new Fault('AgentUnreachable', '1'),
    new Fault('DeadlineExceeded', '2'),
    new Fault('RestoreFailed', '3'),
  ];
  const act = async () => await Promise.reject(answers.shift() ?? new Fault('Internal', 'asked too often'));
  await expect(insist(act, patience, 1_000, halt.signal, isSilence)).rejects.toMatchObject({ reason: 'RestoreFailed' });
});

describe('what is under way', () => {
  it('is known until it ends, and then whoever waits for it is told', async () => {
    const active = new Active();
    const { promise, resolve } = Promise.withResolvers<void>();
    const ended = new Promise<string>((tell) => (active.onEnd = tell));
    active.begin(
      'cpy-1',
      async ({ at }) => {
        at('node-a');
        await promise;
      },
      'ckp-1',
    );
    expect([active.ids, active.has('cpy-1'), active.on('node-a'), active.on('node-b')]).toEqual([
      ['cpy-1'],
      true,
      1,
      0,
    ]);
    expect([active.isRead('ckp-1'), active.isRead('ckp-2')]).toEqual([true, false]);
    resolve();
    expect(await ended).toBe('cpy-1');
    expect([active.ids, active.isRead('ckp-1')]).toEqual([[], false]);
  });

  it.each([
    [0, 'halt'],
    [1_000, 'stop'],
  ] as const)('with %i ms of grace hears %s, and nothing more is begun', async (graceMs, how) => {
    const active = new Active();
    const heard: string[] = [];
    active.begin('ckp-1', async ({ stop: stopped, halt: halted }) => {
      await new Promise<void>((resolve) => {
        for (const [name, signal] of Object.entries({ stop: stopped, halt: halted })) {
          signal.addEventListener('abort', () => resolve(void heard.push(name)), { once: true });
        }
      });
    });
    await active.close(graceMs);
    expect(heard).toEqual([how]);
    expect(() => active.begin('ckp-2', () => Promise.resolve())).toThrow('shutting down');
  });
});
