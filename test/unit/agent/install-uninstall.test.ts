/** A node that cannot be asked anything, and on which nothing is ours. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Node } from '../../../agent/install/node.ts';
import type { Settings } from '../../../agent/install/settings.ts';
import { uninstall } from '../../../agent/install/uninstall.ts';

const settings = {
  socket: '/run/containerd/containerd.sock',
  stateDir: '/run/podferry',
  containerdConfig: '/etc/containerd/config.toml',
  restartCommand: 'auto',
} as Settings;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podferry-node-'));
});

afterEach(() => rmSync(root, { recursive: true }));

it('is as it should be, with containerd or without', async () => {
  const said: string[] = [];
  await uninstall(new Node('node-a', root), settings, undefined, (line) => said.push(line));
  expect(said).toEqual(['nothing to do']);
});
