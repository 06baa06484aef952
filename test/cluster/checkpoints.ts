/** Checkpoints as a user takes them, and what is there of them: objects, and files in the directory that nodes share. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PodCheckpoint } from '../../coordinator/checkpoint/pod-checkpoint.ts';
import { clientFlags, clientIdentity, type Lab, type NodeName } from '../lab/index.ts';
import { apply, runKubectl } from '../lab/kubernetes/kubectl.ts';
import { journals } from '../integration/attempt.ts';
import { namespace } from './workload.ts';

const program = (name: string) => join(import.meta.dirname, `../../coordinator/cli/kubectl-${name}.ts`);

export interface Said<T> {
  code: number;
  /** Undefined when it was refused before it had begun. */
  object: T | undefined;
  stderr: string;
}

async function ask<T>(lab: Lab, cli: string, words: readonly string[]): Promise<Said<T>> {
  const argv = [process.execPath, program(cli), ...words, '-o', 'json', ...clientFlags(lab, clientIdentity)];
  const { code, stdout, stderr } = await lab.exec('control', argv);
  return {
    code,
    object: stdout.startsWith('[') || stdout.startsWith('{') ? (JSON.parse(stdout) as T) : undefined,
    stderr,
  };
}

export interface Checkpoint {
  name: string;
  pod: string;
  uid: string;
  node: NodeName;
  ready: boolean;
  reason?: string;
  bytes: number;
  freezeMs: number;
  location: string;
}

/** `kubectl checkpoint WORDS…`, to its end. */
export async function kubectlCheckpoint(lab: Lab, ...words: string[]): Promise<Said<Checkpoint>> {
  return await ask(lab, 'checkpoint', words);
}

export interface Copy {
  id: string;
  pod: string;
  node: NodeName;
  phase: string;
  reason?: string;
  message?: string;
  ip: string;
}

export async function startCopies(lab: Lab, checkpoint: string, ...flags: string[]): Promise<Said<Copy[]>> {
  return await ask(lab, 'migrate', ['--from-checkpoint', checkpoint, ...flags]);
}

/** As with `kubectl create`. */
export async function askFor(lab: Lab, name: string, spec: object): Promise<void> {
  await apply(lab, [
    { apiVersion: 'podferry.dev/v1alpha1', kind: 'PodCheckpoint', metadata: { name, namespace }, spec },
  ]);
}

export async function objectOf(lab: Lab, name: string): Promise<PodCheckpoint> {
  return JSON.parse(await runKubectl(lab, ['get', 'pcp', name, '-o', 'json'])) as PodCheckpoint;
}

/** Waits for its end, and says what it is. */
export async function endOf(lab: Lab, name: string, reason: string): Promise<PodCheckpoint> {
  const path = 'jsonpath={.status.conditions[0].reason}';
  await runKubectl(lab, ['wait', `--for=${path}=${reason}`, `pcp/${name}`, '--timeout=60s']);
  return await objectOf(lab, name);
}

export async function removeAll(lab: Lab): Promise<void> {
  await runKubectl(lab, ['delete', 'pcp', '--all', '--timeout=60s']);
}

/** Names in the shared directory, half made ones included. */
export function filesOf(lab: Lab, below = ''): string[] {
  try {
    return readdirSync(join(lab.layout.nfs, 'checkpoints', below)).sort();
  } catch {
    return [];
  }
}

/** Resolves when that side of something on that node has written down the step. */
export async function sideIs(lab: Lab, node: NodeName, side: 'source' | 'target', step: string): Promise<void> {
  const until = performance.now() + 30_000;
  while (performance.now() < until) {
    if (stepsOn(lab, node, side).includes(step)) return;
    await sleep(2);
  }
  throw new Error(`no ${side} on ${node} was ${step}`);
}

function stepsOn(lab: Lab, node: NodeName, side: 'source' | 'target'): string[] {
  const directory = journals(lab, node, side);
  try {
    return readdirSync(directory).map(
      (id) => (JSON.parse(readFileSync(join(directory, id, 'record.json'), 'utf8')) as { step: string }).step,
    );
  } catch {
    return [];
  }
}
