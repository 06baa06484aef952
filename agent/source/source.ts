/** A migration as its source's agent holds it. */
import type { _podferry_v1_SourceState_Step__Output as StepName } from '../../proto/gen/podferry/v1/SourceState.ts';
import type { Fault } from '../../proto/fault.ts';
import type { Connections } from '../../proto/gen/podferry/v1/Connections.ts';
import { type Journalled, now, writeRecord } from '../journal/record.ts';
import type { WaitingRedirect } from '../connections/redirect.ts';
import type { SidePaths } from '../paths.ts';
import type { SourcePod } from '../preflight/describe.ts';
import type { PodConfig } from '../runtime/runtime.ts';
import type { Freezer } from '../runtime/freezer.ts';
import type { Outbox, Receipt } from '../transfer/transfer.ts';
import type { CarriedTree } from '../tree/carry.ts';
import type { WaitingDump } from './dump.ts';
import type { PageServer } from './serve-pages.ts';

export type SourceStep = Exclude<StepName, number>;

export interface SourceDetails {
  sandboxId: string;
  podConfig: PodConfig;
  /** What is frozen: enough for an agent that starts to kill or thaw without asking the runtime. */
  containers: { name: string; id: string; freezer: Pick<Freezer, 'version' | 'path'> }[];
  /** Pid of the watchdog's shell; 0 before it was started. */
  watchdog: number;
  /** Bytes of CRIU images. */
  dumpedBytes: number;
  /** Of everything, once the other side has it. */
  receipt: Receipt | undefined;
  /** Of post-copy. */
  pages?: OwedPages;
}

/** Memory that the target asks for while the pod runs there. */
export interface OwedPages {
  /** HOST:PORT of the target's data socket, and what lets this node in there. */
  address: string;
  secret: string;
  /** Bytes. */
  total: number;
  /** Whether the source is needed: `owed` until the target has said how it has ended, or cannot any more. */
  state: 'owed' | 'here' | 'lost';
}

export type SourceRecord = Journalled<SourceStep, SourceDetails>;

/** What lives in this process only. An agent that was restarted has none of it, and so can only undo or finish. */
export interface SourceLive {
  pod: SourcePod;
  outbox: Outbox;
  trees: CarriedTree[];
  /** Set before the first of them is started: a roll back ends what is there. */
  armed?: { dumps: WaitingDump[]; redirect: WaitingRedirect };
}

export class SourceMigration {
  readonly paths: SidePaths;
  readonly record: SourceRecord;
  live: SourceLive | undefined;
  /** Of this life of the agent. */
  readonly since = now();
  /** Aborted by a roll back: ends whatever this side is doing. */
  readonly abort = new AbortController();
  /** A roll back that is under way. */
  goesBack: Promise<void> | undefined;
  /** What is under way; a roll back waits for it. Never rejects. */
  busy: Promise<unknown> = Promise.resolve();

  /** What still went by way of here when somebody last looked. */
  connections: Connections | undefined;
  /** Answers the target's questions for memory. */
  pages: PageServer | undefined;
  /** No connection needs this side any more, because they were told so. */
  connectionsEnded = false;
  /** Peers of connections that are lost are told so: until then this side is needed. Never rejects. */
  lostAreTold: Promise<void> = Promise.resolve();
  /** All that held it is gone; known of this life of the agent alone. */
  trafficPassed = false;
  /** Ends what lingers, should nobody else. */
  limit: NodeJS.Timeout | undefined;

  /** Set while nobody may come back for this side: see expiry.ts. */
  cancelExpiry: () => void = () => {};

  constructor(paths: SidePaths, record: SourceRecord, live?: SourceLive) {
    this.paths = paths;
    this.record = record;
    this.live = live;
  }

  /** Writes the step down before anybody can act on it. */
  enter(step: SourceStep): void {
    this.record.step = step;
    writeRecord(this.paths, this.record);
  }

  /** Since when the pod stands still; undefined: it does not. Also known of one that an earlier agent has frozen. */
  get stillSince(): number | undefined {
    const { moments } = this.record;
    // Once clients are let go to the target nobody waits for it here.
    if (moments.some(({ name }) => ['thawed', 'passed', 'killed'].includes(name))) return undefined;
    return moments.find(({ name }) => name === 'frozen')?.unix_ms;
  }

  /** When clients were let go to the target, on this node's clock. */
  get passedAt(): number | undefined {
    return this.record.moments.find(({ name }) => name === 'passed')?.unix_ms;
  }

  fault(fault: Fault): void {
    this.record.fault = { reason: fault.reason, message: fault.message };
  }

  moment(name: string, at = now()): void {
    this.record.moments.push({ name, unix_ms: at });
  }
}

/** Whether open connections move along. Those that may not outlive the cut-over need not, where they need the source. */
export function keepsConnections({ network, connection_linger_ms }: SourceRecord['plan']): boolean {
  return network === 'keep_address' || (network === 'translate' && connection_linger_ms > 0);
}

/** Whether memory follows when the pod runs at the target. */
export function isLazy({ strategy }: Pick<SourceRecord['plan'], 'strategy'>): boolean {
  return strategy === 'post_copy';
}
