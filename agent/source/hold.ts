/**
 * Keeps a pod alive whose object is gone. A target that is to have its source's name can only come when the source's
 * object has gone, and then kubelet wants to end the source: the runtime wrapper swallows those signals (and answers
 * that all went well) as long as a hold stands. It ends by being lifted, or at its time: the wrapper itself looks at
 * that, so a hold does not outlive an agent that does not come back. Then kubelet ends the pod with its next try.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { basename } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import type { Plan__Output as Plan } from '../../proto/gen/podferry/v1/Plan.ts';
import { isLabel, type NodePaths } from '../paths.ts';

export interface Hold {
  plan: Plan;
  /** The pod's object, which nobody else has any more. */
  objectJson: string;
  /** Ids of its containers. */
  containers: string[];
  untilUnixMs: number;
}

const longestMs = 7_200_000;

/** Also what prolongs one that stands. */
export function hold(paths: NodePaths, held: Omit<Hold, 'untilUnixMs'>, validMs: number): Hold {
  if (validMs < 1 || validMs > longestMs) {
    throw new Fault('InvalidArgument', `a hold of ${validMs} ms: it must be from 1 to ${longestMs}`);
  }
  mkdirSync(paths.holds, { recursive: true, mode: 0o700 });
  const record: Hold = { ...held, untilUnixMs: Date.now() + validMs };
  // Before the first signal is swallowed it is known why.
  write(paths.hold(held.plan.id), JSON.stringify(record));
  const until = String(Math.ceil(uptime() + validMs / 1_000));
  for (const id of held.containers) write(paths.heldContainer(id), until);
  return record;
}

/** Signals arrive from now on. That it was held stays known, for whoever has to look after what kept its place. */
export function expire(paths: NodePaths, { containers }: Hold): void {
  for (const id of containers) rmSync(paths.heldContainer(id), { force: true });
}

/** @returns what it was; undefined: there was none */
export function lift(paths: NodePaths, migration: string): Hold | undefined {
  const held = readHold(paths, migration);
  if (held !== undefined) expire(paths, held);
  rmSync(paths.hold(migration), { force: true });
  return held;
}

export function readHold(paths: NodePaths, migration: string): Hold | undefined {
  try {
    return JSON.parse(readFileSync(paths.hold(migration), 'utf8')) as Hold;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function listHolds(paths: NodePaths): Hold[] {
  let names: string[];
  try {
    names = readdirSync(paths.holds);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const migrations = names.filter((name) => name.endsWith('.json')).map((name) => basename(name, '.json'));
  return migrations.filter(isLabel).flatMap((migration) => readHold(paths, migration) ?? []);
}

/** Never half, for the wrapper may read it at any time. */
function write(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
