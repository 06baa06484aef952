import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { NodePaths } from '../../../agent/paths.ts';
import { calmRcu, expediteRcu, leaveRcu } from '../../../agent/runtime/expedited-rcu.ts';

const now = () => readFileSync('/sys/kernel/rcu_expedited', 'utf8').trim();

it.runIf(process.getuid?.() === 0)('is left alone where nobody wants it hurried', () => {
  const state = mkdtempSync(join(tmpdir(), 'podferry-rcu-'));
  const side = new NodePaths(state).source('mig-real-time');
  const before = now();
  leaveRcu();
  expediteRcu(side);
  expect(now()).toBe(before);
  calmRcu(side);
  expect(now()).toBe(before);
  rmSync(state, { recursive: true });
});
