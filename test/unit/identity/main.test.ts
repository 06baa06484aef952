/** A coordinator with an authority, as the process that it is: it ends when it is told to, and when it cannot start. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Stage } from './stage.ts';

let stage: Stage;

beforeEach(async () => {
  stage = new Stage();
  await stage.store.start();
});
afterEach(async () => await stage.close());

async function start(...flags: string[]): Promise<ChildProcess> {
  const kubeconfig = join(stage.directory, 'kubeconfig');
  await writeFile(kubeconfig, stage.store.server.config().exportConfig());
  const main = join(import.meta.dirname, '../../../coordinator/main.ts');
  const ports = ['--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0', '--agents', 'node-a=127.0.0.1:1'];
  const argv = [main, '--kubeconfig', kubeconfig, ...ports, ...flags];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  stage.atEnd(() => void child.kill('SIGKILL'));
  return child;
}

async function says(child: ChildProcess, word: string): Promise<void> {
  for await (const part of child.stdout?.iterator({ destroyOnReturn: false }) ?? [])
    if (String(part).includes(word)) return;
  throw new Error(`it ended without a word of ${word}`);
}

it('ends when it is told to while it waits for an authority that nobody makes', { timeout: 20_000 }, async () => {
  const child = await start('--authority', 'given');
  await says(child, 'no certificate of coordinator.podferry yet');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('ends when it cannot listen, though it has an authority to look after', { timeout: 20_000 }, async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  stage.atEnd(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  const child = await start('--authority', 'own', '--listen', `127.0.0.1:${port}`);
  const said = text(child.stderr as Readable);
  child.stdout?.resume();
  expect(await once(child, 'exit')).toEqual([2, null]);
  expect(await said).toContain(String(port));
});
