/** A migration as its target's agent holds it. */
import type { ContainerManifest__Output } from '../../proto/gen/podferry/v1/ContainerManifest.ts';
import type { PodManifest__Output } from '../../proto/gen/podferry/v1/PodManifest.ts';
import type { _podferry_v1_TargetState_Step__Output as StepName } from '../../proto/gen/podferry/v1/TargetState.ts';
import type { Fault } from '../../proto/fault.ts';
import { type Journalled, now, writeRecord } from '../journal/record.ts';
import type { ContainerPaths, SidePaths } from '../paths.ts';
import type { PodConfig } from '../runtime/runtime.ts';
import type { PreparedStart } from '../runtime/start-apart.ts';
import type { Filling } from './lazy-pages.ts';
import type { Spool } from './spool.ts';
import type { AppliedTree } from '../tree/apply.ts';

export type TargetStep = Exclude<StepName, number>;

export interface TargetDetails {
  manifest: PodManifest__Output;
  /** Empty until the sandbox is there. */
  sandboxId: string;
  /** Of each IP version. */
  podIps: string[];
  /** Where the address is the source's: the sandbox's network namespace, and the link in it that has it. */
  netns: string;
  device: string;
  mac: string;
  /** Whether everything has arrived and was verified: nothing is restored before. */
  sealed: boolean;
  /** Where images were kept for a person to look at; empty if nowhere. */
  keptImages: string;
  /** Of post-copy; the secret is what the source may be asked with, once it has given it. */
  memory?: { secret: string; state: 'owed' | 'here' | 'lost' };
}

export type TargetRecord = Journalled<TargetStep, TargetDetails>;

export class TargetMigration {
  readonly paths: SidePaths;
  readonly record: TargetRecord;
  /** Of this life of the agent. */
  readonly since = now();
  /** Ends whatever this side is doing. Replaced by nothing: an aborted target is discarded. */
  readonly abort = new AbortController();
  /** Ends the transfer, or gives up the listener's claim to its token. */
  closeInbox: (why?: Fault) => void = () => {};
  /** CRI starts under way, by container: they end when the wrapper's wait does. */
  readonly starts = new Map<string, Promise<Fault | undefined>>();
  /** Those of the containers whose turn has not come. */
  readonly nextStarts = new Map<string, PreparedStart>();
  /** Of the pod that this agent itself has made. */
  podConfig: PodConfig | undefined;
  readonly trees = new Map<string, AppliedTree | Spool>();

  /** Of post-copy: brings the memory. */
  filling: Filling | undefined;

  /** Set while nobody may come back for this side: see expiry.ts. */
  cancelExpiry: () => void = () => {};

  constructor(paths: SidePaths, record: TargetRecord) {
    this.paths = paths;
    this.record = record;
  }

  /** With Kubernetes kubelet starts and removes the pod. */
  get isOfKubelet(): boolean {
    return this.record.plan.target_pod !== null;
  }

  get containers(): { manifest: ContainerManifest__Output; paths: ContainerPaths }[] {
    return this.record.details.manifest.containers.map((manifest) => ({
      manifest,
      paths: this.paths.container(manifest.name),
    }));
  }

  /** What is under way, which a discard waits for: what it has made half is only known when it has ended. */
  busy: Promise<unknown> = Promise.resolve();

  async during(step: Promise<void>): Promise<void> {
    this.busy = Promise.allSettled([this.busy, step]);
    await step;
  }

  /** Writes the step down before anybody can act on it. */
  enter(step: TargetStep): void {
    this.record.step = step;
    this.save();
  }

  fail(step: TargetStep, fault: Fault): void {
    this.record.fault = { reason: fault.reason, message: fault.message };
    this.enter(step);
  }

  moment(name: string, at = now()): void {
    this.record.moments.push({ name, unix_ms: at });
  }

  save(): void {
    writeRecord(this.paths, this.record);
  }
}

/** Whether it may still have to ask its source for memory. */
export function lacksMemory({ details }: Pick<TargetRecord, 'details'>): boolean {
  return details.memory?.state === 'owed';
}
