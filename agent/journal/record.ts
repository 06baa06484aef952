/**
 * What an agent must not forget: a record for each migration and side, on the node's tmpfs. It is written whole, beside
 * and renamed, before the step that it announces; an agent that starts reads them all and carries on or undoes.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Plan__Output as Plan } from '../../proto/gen/podferry/v1/Plan.ts';
import type { Reason } from '../../proto/fault.ts';
import { isLabel, type SidePaths } from '../paths.ts';

export interface MomentRecord {
  name: string;
  /** Milliseconds since the epoch, with microseconds behind the point. */
  unix_ms: number;
}

export interface FaultRecord {
  reason: Reason;
  message: string;
}

/** What both sides' records have. `Step` and `Details` are the side's own. */
export interface Journalled<Step extends string, Details> {
  plan: Plan;
  step: Step;
  moments: MomentRecord[];
  fault: FaultRecord | null;
  details: Details;
}

/** The time on this node's clock, in the resolution that freezes are measured in. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

export function openJournal(paths: SidePaths): void {
  mkdirSync(paths.planted, { recursive: true, mode: 0o700 });
}

export function writeRecord(paths: SidePaths, record: object): void {
  const beside = `${paths.record}.new`;
  writeFileSync(beside, JSON.stringify(record), { mode: 0o600 });
  renameSync(beside, paths.record);
}

/** The record, or undefined for a directory that an agent died in before it had written one. */
export function readRecord<T>(paths: SidePaths): T | undefined {
  try {
    return JSON.parse(readFileSync(paths.record, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Names of the migrations that have a directory, whatever its state. What else lies there is not ours. */
export function listJournals(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => isLabel(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export function closeJournal(paths: SidePaths): void {
  rmSync(paths.directory, { recursive: true, force: true });
}

/**
 * The one decision of a side, made at most once by whoever comes first: this agent, an earlier one, the watchdog or
 * the wrapper. Making a symbolic link is atomic and fails when there is one.
 *
 * @returns what has been decided, which may not be what was asked for
 */
export function decide<Word extends string>(paths: SidePaths, word: Word): Word {
  try {
    symlinkSync(word, paths.decision);
    return word;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readlinkSync(paths.decision) as Word;
  }
}

export function decision(paths: SidePaths): string | undefined {
  try {
    return readlinkSync(paths.decision);
  } catch {
    return undefined;
  }
}
