/** A node that a pod has come to or gone from has nothing of it but what it had before. */
import { afterEach, expect, it } from 'vitest';
import { ask, open } from '../lab/index.ts';
import { changesSince, inventoryOf } from './inventory.ts';
import { migrate, move, Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);

afterEach(async () => await pods.remove());

it.each(['stream', 'nfs'] as const)(
  'over %s: when pods have gone, their node is as it was before they came',
  async (transport) => {
    const before = await inventoryOf(lab);
    // For each the agents plant something else: links of CRIU's in the root, directories for /dev, files to be carried.
    for (const image of ['files', 'shm', 'tree']) {
      const pod = await pods.run({ name: image, image });
      await expect.poll(async () => await ask(lab, pod.ip).catch(String), { timeout: 10_000 }).toMatch(/^ok/);
      await move(lab, pod, { transport });
    }
    expect(await changesSince(lab, before, { nodes: ['node-a'] })).toEqual({});
    await pods.remove();
    expect(await changesSince(lab, before)).toEqual({});
  },
);

it('to ask whether a pod can move changes nothing', async () => {
  const pod = await pods.run({ name: 'asked', image: 'counter' });
  const before = await inventoryOf(lab, { strict: true });
  const { code, stderr } = await migrate(lab, pod.name, 'node-b', { flags: ['--dry-run'] });
  expect(code, stderr).toBe(0);
  expect(await changesSince(lab, before, { strict: true })).toEqual({});
});
