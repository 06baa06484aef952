/** Images as CRIU writes them: what we read and write again is what it was. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type DescMessage } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectionsOf } from '../../agent/images/addresses.ts';
import { changeImage, readImage } from '../../agent/images/change.ts';
import {
  coreImage,
  decodeImage,
  encodeImage,
  filesImage,
  type ImageKind,
  inventoryImage,
  tcpStreamImage,
} from '../../agent/images/image.ts';
import { mendImages } from '../../agent/images/mend.ts';
import { fd_types as types, file_entrySchema } from '../../proto/gen/criu/fdinfo_pb.ts';
import { ask, open } from '../lab/index.ts';
import { Client } from './client.ts';
import { execIn, type Placed, Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);
const here = mkdtempSync(join(lab.node('node-a').root, 'run/images-'));
const inNode = here.slice(lab.node('node-a').root.length);

afterAll(async () => {
  await pods.remove();
  rmSync(here, { recursive: true });
});

/** A dump of a pod that runs on, by runc alone. @returns where its images are */
async function dump({ name, containerId }: Placed): Promise<string> {
  const where = ['--image-path', join(inNode, name), '--work-path', join(inNode, `${name}-work`)];
  const what = ['--leave-running', '--tcp-established', '--file-locks', '--ext-unix-sk'];
  await lab.run('node-a', [
    'runc',
    '--root',
    '/run/containerd/runc/k8s.io',
    'checkpoint',
    ...where,
    ...what,
    containerId,
  ]);
  return join(here, name);
}

const snapshot = (directory: string) =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString('base64')]),
  );

let tree: string;
let redis: string;
let redisIp: string;

beforeAll(async () => {
  const patience = { timeout: 20_000, interval: 50 };
  const forest = await pods.run({ name: 'tree', image: 'tree' });
  await vi.waitFor(async () => await ask(lab, forest.ip), patience);
  tree = await dump(forest);
  const pod = await pods.run({ name: 'redis', image: 'redis' });
  await vi.waitFor(async () => await execIn(lab, pod, ['redis-cli', 'ping']), patience);
  const client = Client.start(lab, 'hold', pod.ip, 6379);
  await vi.waitFor(() => expect(client.events).toMatchObject([{ event: 'connected' }]), patience);
  redisIp = pod.ip;
  redis = await dump(pod);
  await client.stop();
});

describe('every image of what we know', () => {
  const kinds: ImageKind<DescMessage>[] = [inventoryImage, filesImage, coreImage, tcpStreamImage];

  it.each(['tree', 'redis'])('of %s is the same, byte by byte, when it was read and written', (which) => {
    const directory = which === 'tree' ? tree : redis;
    const known = readdirSync(directory).flatMap((name) => {
      const kind = kinds.find((each) => each.name.test(name));
      if (kind === undefined) return [];
      const bytes = readFileSync(join(directory, name));
      const image = decodeImage(kind, name, bytes);
      expect(image.entries, name).not.toEqual([]);
      expect(bytes.equals(encodeImage(kind, image)), name).toBe(true);
      return [name.replace(/-[0-9a-f]+\.img$/, '')];
    });
    const expected = ['inventory.img', 'files.img', 'core', ...(which === 'redis' ? ['tcp-stream'] : [])];
    expect(new Set(known)).toEqual(new Set(expected));
  });
});

it('tell of sockets and timers', () => {
  const files = readImage(filesImage, join(tree, 'files.img')).entries;
  expect(files.find(({ type }) => type === types.TIMERFD)?.tfd).toMatchObject({ clockid: expect.any(Number) });
  const found = connectionsOf(readImage(filesImage, join(redis, 'files.img')).entries);
  expect(found).toEqual([
    { local: { address: redisIp, port: 6379 }, remote: { address: expect.any(String), port: expect.any(Number) } },
  ]);
});

it('mending changes those that it is about, and leaves nothing beside them', () => {
  const before = snapshot(tree);
  // Whether a thread is caught in a call that has to be made again is a matter of luck.
  mendImages(tree, (files) => files.push(create(file_entrySchema, { id: 99 })) > 0);
  const after = snapshot(tree);
  expect(Object.keys(after)).toEqual(Object.keys(before));
  const changed = Object.keys(before).filter((name) => before[name] !== after[name]);
  expect(changed).toContain('files.img');
  expect(changed.filter((name) => !/^(core-\d+|files)\.img$/.test(name))).toEqual([]);
});

it('of a format that we do not know are refused, and left alone', () => {
  const inventory = join(redis, 'inventory.img');
  const add = () => mendImages(redis, (files) => files.push(create(file_entrySchema, { id: 99 })) > 0);
  const original = readFileSync(inventory);
  changeImage(inventoryImage, inventory, [
    ([entry]) => {
      if (entry !== undefined) entry.imgVersion = 3;
      return true;
    },
  ]);
  const before = snapshot(redis);
  expect(add).toThrow(expect.objectContaining({ reason: 'DumpFailed', message: expect.stringMatching(/version 3/) }));
  writeFileSync(inventory, '');
  expect(add).toThrow(expect.objectContaining({ message: expect.stringContaining(inventory) }));
  writeFileSync(inventory, Buffer.concat([Buffer.from([1, 2, 3, 4]), original]));
  expect(add).toThrow(expect.objectContaining({ message: expect.stringMatching(/begins with 0x04030201/) }));
  expect({ ...snapshot(redis), 'inventory.img': '' }).toEqual({ ...before, 'inventory.img': '' });
});
