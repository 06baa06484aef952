/** kubectl-checkpoint, and kubectl-migrate --from-checkpoint, where they are told no. What they do is tested in test/cluster. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runCheckpoint } from './cli-process.ts';
import { type Stage, stage } from './stage.ts';

let set: Stage;
beforeAll(async () => {
  set = await stage();
});
afterAll(async () => await set.close());

describe('bad input: 2, before anybody is asked', { timeout: 20_000 }, () => {
  it.each([
    ['no pod', [], /missing required argument/],
    ['a malformed pod and a malformed name at once', ['Redis', '--name', '../x'], /pod "Redis".*checkpoint "..\/x"/],
    ['a malformed span', ['redis', '--timeout', 'soon'], /"soon" is not a span of time/],
    ['no time at all', ['redis', '--timeout', '0s'], /--timeout has to be more than nothing/],
    ['a malformed checkpoint', ['delete', '../x'], /InvalidArgument: checkpoint "..\/x"/],
  ])('of a checkpoint: %s', async (_what, args, message) => {
    const { code, err } = await runCheckpoint(set, ...args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  it.each([
    ['a pod as well', ['redis', '--from-checkpoint', 'first'], /name a pod .*not both/],
    ['replicas of nothing', ['redis', '--replicas', '2'], /--replicas needs --from-checkpoint/],
    ['none', ['--from-checkpoint', 'first', '--replicas', '0'], /--replicas: "0" is not from 1 to 100/],
    ['too many', ['--from-checkpoint', 'first', '--replicas', '101'], /--replicas: "101"/],
    ['what is of a move', ['--from-checkpoint', 'first', '--freeze-timeout', '1s'], /--freeze-timeout is of a move/],
  ])('of copies: %s', async (_what, args, message) => {
    const { code, err } = await run(set, ...args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});

describe('without Kubernetes', { timeout: 20_000 }, () => {
  it.each([
    ['a checkpoint', async () => await runCheckpoint(set, 'redis')],
    ['a list', async () => await runCheckpoint(set, 'list')],
    ['a delete', async () => await runCheckpoint(set, 'delete', 'first')],
    ['copies', async () => await run(set, '--from-checkpoint', 'first')],
  ])('%s is refused', async (_what, ask) => {
    const { code, err, out } = await ask();
    expect(err).toMatch(/^error: RuntimeUnsupported: .*--kubeconfig/m);
    expect([code, out]).toEqual([2, '']);
    expect(set.world.violations).toEqual([]);
  });
});
