/** kubectl-migrate when something is wrong: a reason, a hint, an exit code, never a stack. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates } from '../../lab/certificates.ts';
import { run, start, startWith } from './cli-process.ts';
import { migrate, type Stage, stage } from './stage.ts';
import { until } from './until.ts';

let tls: string;
let set: Stage;
const sets: Stage[] = [];
async function newStage(options: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  const one = await stage(options);
  sets.push(one);
  return one;
}
beforeAll(async () => {
  tls = mkdtempSync(join(tmpdir(), 'podferry-'));
  await makeCertificates(tls, []);
  set = await newStage();
  // One that has ended, for those that ask for one.
  await migrate(set);
});
afterAll(async () => {
  await Promise.all(sets.map((one) => one.close()));
  rmSync(tls, { recursive: true });
});

describe('errors', { timeout: 20_000 }, () => {
  it.each([
    ['no pod', [], /missing required argument/],
    ['an unknown flag', ['redis', '--too', 'x'], /unknown option/],
    ['a malformed pod', ['Redis', '--to', 'node-b'], /^error: InvalidArgument: pod "Redis"/m],
    [
      'a malformed node and a malformed span at once',
      ['redis', '--to', 'B', '--timeout', 'soon'],
      /node "B".*--timeout: "soon"/,
    ],
    ['an unknown strategy', ['redis', '--strategy', 'magic'], /--strategy: "magic" is none of stop-and-copy/],
    ['an unknown format', ['list', '-o', 'xml'], /Allowed choices are json, yaml, wide/],
    ['a malformed id', ['get', '../x'], /^error: InvalidArgument: migration "..\/x"/m],
    ['an unknown pod', ['nobody', '--to', 'node-b'], /^error: PodNotFound: .*nobody.*\nhint: /m],
    ['an unknown node', ['redis', '--to', 'node-x'], /^error: NodeNotFound: .*node-a, node-b\nhint: /m],
    ['an unknown migration', ['get', 'mig-unknown'], /^error: MigrationNotFound/m],
    ['a cancel that comes too late', ['cancel', 'LAST'], /^error: TooLate/m],
  ])('%s: 2, with a reason and no stack', async (_what, args, message) => {
    const last = set.coordinator.migrations.records[0]?.plan.id ?? '';
    const { code, err, out } = await run(set, ...args.map((arg) => (arg === 'LAST' ? last : arg)));
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n\s+at /);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('nobody at the address: 4', async () => {
    const { code, err } = await startWith(
      { PATH: process.env.PATH },
      'nodes',
      '--coordinator',
      '127.0.0.1:1',
      '--insecure-plaintext',
    ).ended;
    expect(err).toMatch(/^error: the coordinator at 127.0.0.1:1 does not answer: .*\nhint: /m);
    expect(code).toBe(4);
  });

  it('a coordinator that goes away for good: 4, and how to go on', async () => {
    const one = await newStage();
    one.b.delays.set('CreateTargetPod', 300);
    const { ended } = start(one, 'redis', '--to', 'node-b', '--reconnect', '1s');
    await until('it is under way', () => one.b.calls.includes('CreateTargetPod'));
    await one.coordinator.close(0);
    const { code, err } = await ended;
    expect(err).toMatch(/looking for it again for 1 s/);
    expect(err).toMatch(/get mig-\w+/);
    expect(code).toBe(4);
  });

  it('a coordinator that is started anew: the end that it brings it to', async () => {
    const one = await newStage();
    one.b.delays.set('Restore', 300);
    const { ended } = start(one, 'redis', '--to', 'node-b');
    await until('it is committed', () => one.b.calls.includes('Restore'));
    await one.restartCoordinator();
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('no address and no kubeconfig: 2, and which there are', async () => {
    const { code, err } = await startWith({ PATH: process.env.PATH, HOME: '/nowhere' }, 'nodes').ended;
    expect(err).toMatch(/no kubeconfig: neither --kubeconfig FILE.*\/nowhere\/\.kube\/config.*--coordinator HOST:PORT/);
    expect(code).toBe(2);
  });

  it('no certificates: 2', async () => {
    const { code, err } = await startWith({ PATH: process.env.PATH }, 'nodes', '--coordinator', '127.0.0.1:1').ended;
    expect(err).toMatch(/--tls-dir DIRECTORY/);
    expect(code).toBe(2);
  });

  it.each([
    ['that anybody could hear', ['--insecure-plaintext'], /--token-file and --insecure-plaintext exclude each other/],
    ['for whoever answers', [], /--token-file: who signs for the coordinator\? Say --ca-file FILE/],
    ['that is not there', ['--ca-file', 'AUTHORITY'], /--token-file: cannot read .*nowhere: ENOENT/],
    ['that is something else', ['--ca-file', 'AUTHORITY', '--token-file', 'AUTHORITY'], /does not hold one token/],
    ['for no authority', ['--ca-file', '/dev/null'], /\/dev\/null cannot be used/],
  ])('a token %s: 2, and nobody is asked', async (_what, flags, message) => {
    const words = ['nodes', '--coordinator', '127.0.0.1:1', '--token-file', '/nowhere', ...flags];
    const authority = join(tls, 'client.podferry/ca.crt');
    const args = words.map((word) => (word === 'AUTHORITY' ? authority : word));
    const { code, err } = await startWith({ PATH: process.env.PATH }, ...args).ended;
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  it('an authority without a token: 2', async () => {
    const args = ['nodes', '--coordinator', '127.0.0.1:1', '--insecure-plaintext', '--ca-file', '/x'];
    const { code, err } = await startWith({ PATH: process.env.PATH }, ...args).ended;
    expect(err).toMatch(/--ca-file goes with --token-file/);
    expect(code).toBe(2);
  });

  it('a variable that says false is not a yes', async () => {
    const env = { PATH: process.env.PATH, PODFERRY_COORDINATOR: '127.0.0.1:1', PODFERRY_INSECURE_PLAINTEXT: 'false' };
    expect(await startWith(env, 'nodes').ended).toMatchObject({ code: 2 });
  });
});
