import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Remembered } from '../../../coordinator/people/remembered.ts';

/** Counts how often it is asked. */
function counting() {
  const asked: string[] = [];
  return { asked, ask: (key: string) => async () => `${key} ${asked.push(key)}` };
}

it('believes an answer for a while, and asks again after it', async () => {
  const { asked, ask } = counting();
  const remembered = new Remembered<string>(10, 50);
  expect(await remembered.of('a', ask('a'))).toBe('a 1');
  expect(await remembered.of('a', ask('a'))).toBe('a 1');
  expect(await remembered.of('b', ask('b'))).toBe('b 2');
  await sleep(60);
  expect(await remembered.of('a', ask('a'))).toBe('a 3');
  expect(asked).toEqual(['a', 'b', 'a']);
});

it('asks once for all who ask at once', async () => {
  const { asked, ask } = counting();
  const remembered = new Remembered<string>(10, 1_000);
  const slow = async () => {
    await sleep(20);
    return await ask('a')();
  };
  const answers = await Promise.all([remembered.of('a', slow), remembered.of('a', slow)]);
  expect(answers).toEqual(['a 1', 'a 1']);
  expect(asked).toEqual(['a']);
});

it('remembers only so many, the newest', async () => {
  const { asked, ask } = counting();
  const remembered = new Remembered<string>(2, 1_000);
  for (const key of ['a', 'b', 'c', 'b', 'c', 'a']) await remembered.of(key, ask(key));
  expect(asked).toEqual(['a', 'b', 'c', 'a']);
});

it('does not remember what failed', async () => {
  const { ask } = counting();
  const remembered = new Remembered<string>(2, 1_000);
  await expect(remembered.of('a', async () => await Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await remembered.of('a', ask('a'))).toBe('a 1');
});
