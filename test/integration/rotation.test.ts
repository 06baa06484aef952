/** The authority behind all certificates is replaced, in the usual three steps, while a pod moves. */
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { agentIdentity, clientIdentity, coordinatorIdentity, open } from '../lab/index.ts';
import { makeCertificates } from '../lab/certificates.ts';
import { tlsInNode } from '../lab/layout.ts';
import { RunningWriter } from '../workloads/redis.ts';
import { askCoordinator } from './ask-part.ts';
import { Attempt } from './attempt.ts';
import { move, Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);

/** All parts look every 5 s. */
const reloaded = 6_000;

/** Where each identity's files are read: an agent's inside its node. */
const places = new Map([
  [coordinatorIdentity, lab.layout.tlsOf(coordinatorIdentity)],
  [clientIdentity, lab.layout.tlsOf(clientIdentity)],
  ...lab.nodeNames.map((node) => [agentIdentity(node), join(lab.node(node).root, tlsInNode)] as const),
]);

let scratch: string;
const old = (identity: string, file: string) => join(scratch, 'old', identity, file);
const fresh = (identity: string, file: string) => join(scratch, 'new', identity, file);

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'podferry-rotation-'));
  await makeCertificates(join(scratch, 'new'), lab.nodeNames);
  // Only for its directories: what is in use takes the place of its files.
  await makeCertificates(join(scratch, 'old'), lab.nodeNames);
  await onEach(async (identity, place) => {
    for (const file of ['ca.crt', 'tls.crt', 'tls.key']) await copyFile(join(place, file), old(identity, file));
  });
});

afterAll(async () => {
  await pods.remove();
  await onEach(async (identity, place) => {
    for (const file of ['ca.crt', 'tls.crt', 'tls.key'])
      await put(join(place, file), await readFile(old(identity, file)));
  });
  await rm(scratch, { recursive: true });
  await sleep(reloaded);
});

it('nothing notices, and the old authority is nobody’s afterwards', { timeout: 180_000 }, async () => {
  const pod = await pods.run({ name: 'redis', image: 'redis' });
  const writer = await RunningWriter.start(lab, pod.ip);
  const attempt = Attempt.start(lab, 'redis', { source: 'node-a', target: 'node-b' }, '--linger', '16s');
  await attempt.source('Prepared');

  await onEach(async (identity, place) => {
    const both = [await readFile(old(identity, 'ca.crt')), await readFile(fresh(identity, 'ca.crt'))];
    await put(join(place, 'ca.crt'), Buffer.concat(both));
  });
  await sleep(reloaded);
  await onEach(async (identity, place) => {
    for (const file of ['tls.crt', 'tls.key']) await put(join(place, file), await readFile(fresh(identity, file)));
  });
  await sleep(reloaded);
  const { code, migration } = await attempt.ended;
  expect(migration).toMatchObject({ phase: 'Succeeded' });
  expect(code).toBe(0);
  await onEach(async (identity, place) => await put(join(place, 'ca.crt'), await readFile(fresh(identity, 'ca.crt'))));
  await sleep(reloaded);
  writer.goTo(migration?.targetIp ?? '');
  const { lost } = await writer.finish();
  expect(lost).toBe(0);

  // Every connection that comes now is between new certificates.
  const back = await move(lab, { ...pod, name: 'redis', node: 'node-b' });
  expect(back.migration.phase).toBe('Succeeded');
  await copyFile(old(clientIdentity, 'tls.crt'), fresh('foreign', 'tls.crt'));
  await copyFile(old(clientIdentity, 'tls.key'), fresh('foreign', 'tls.key'));
  await copyFile(fresh(clientIdentity, 'ca.crt'), fresh('foreign', 'ca.crt'));
  const asked = await askCoordinator(lab, 'List', {}, { directory: join(scratch, 'new/foreign') });
  expect(asked).toMatchObject({ status: 'UNAVAILABLE', replies: [] });
});

/** A reader finds the old file or the new one. */
async function put(path: string, content: Buffer): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function onEach(act: (identity: string, place: string) => Promise<void>): Promise<void> {
  for (const [identity, place] of places) await act(identity, place);
}
