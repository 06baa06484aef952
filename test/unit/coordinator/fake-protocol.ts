/** What a faultless agent answers to each call, and which calls it holds for a breach of the protocol. */
import { Fault } from '../../../proto/fault.ts';
import type { AgentHandlers } from '../../../proto/gen/podferry/v1/Agent.ts';
import type { ArmRequest__Output } from '../../../proto/gen/podferry/v1/ArmRequest.ts';
import type { ListPodsRequest__Output } from '../../../proto/gen/podferry/v1/ListPodsRequest.ts';
import type { MigrationRef__Output } from '../../../proto/gen/podferry/v1/MigrationRef.ts';
import type { PreflightSourceRequest__Output } from '../../../proto/gen/podferry/v1/PreflightSourceRequest.ts';
import type { PrepareSourceRequest__Output } from '../../../proto/gen/podferry/v1/PrepareSourceRequest.ts';
import type { PrepareTargetRequest__Output } from '../../../proto/gen/podferry/v1/PrepareTargetRequest.ts';
import type { Progress } from '../../../proto/gen/podferry/v1/Progress.ts';
import type { SourceStep, TargetStep } from '../../../coordinator/migration/observe.ts';
import type { FakeAgent } from './fake-agent.ts';
import type { SourceEntry, TargetEntry } from './fake-world.ts';

const targetIps = ['10.1.2.3', 'fd00::3'];
const mebibytes = (n: number) => String(n << 20);

type Tell = (progress: Progress) => void;

export function protocolOf(agent: FakeAgent): Record<Extract<keyof AgentHandlers, string>, unknown> {
  const { world, node } = agent;
  const source = (id: string) => known(agent.sources.get(id), id, node);
  const target = (id: string) => known(agent.targets.get(id), id, node);

  const targetState = ({ plan, step, moments, fault }: TargetEntry) => ({
    migration: plan.id,
    step,
    plan,
    moments,
    fault,
    pod_ip: step === 'Prepared' ? '' : targetIps[0],
    pod_ips: step === 'Prepared' ? [] : targetIps,
    sandbox_id: 'sandbox',
    lacks_memory: world.truth(plan.id).owed === true,
  });

  function expect(entry: SourceEntry | TargetEntry, call: string, ...steps: (SourceStep | TargetStep)[]): void {
    if (!steps.includes(entry.step)) world.violated(`${call} while ${node} is ${entry.step}`);
  }

  return {
    Facts: () => ({
      node,
      agent_version: 'fake',
      problems: agent.problems,
      cpu_flags: agent.cpuFlags,
      network_features: agent.networkFeatures,
      migrations: agent.sources.size + agent.targets.size,
    }),
    ListPods: ({ pod }: ListPodsRequest__Output) => ({
      pods: world.pods
        .filter((each) => each.node === node && (pod === null || pod.name === '' || each.name === pod.name))
        .map(({ namespace, name, uid, ready }) => ({
          ref: { namespace, name, uid },
          node,
          state: ready ? 'READY' : 'NOTREADY',
        })),
    }),
    ListMigrations: () => ({
      sources: [...agent.sources.values()].map(sourceState),
      targets: [...agent.targets.values()].map(targetState),
    }),
    PreflightSource: ({ pod }: PreflightSourceRequest__Output) => {
      const there = world.pods.find((each) => each.node === node && each.name === pod?.name);
      if (there === undefined) {
        throw new Fault('PodNotFound', `${node} has no pod ${pod?.name}`);
      }
      return {
        findings: [...agent.refusals.source, ...(there.refusals ?? [])],
        manifest: { pod, handler: 'podferry', containers: [{ name: 'main' }] },
      };
    },
    PreflightTarget: () => ({ findings: agent.refusals.target }),

    PrepareTarget: ({ plan, manifest }: PrepareTargetRequest__Output) => {
      if (plan === null || manifest === null || plan.target_node !== node)
        return world.violated('PrepareTarget without plan, manifest, or here');
      const entry: TargetEntry = { plan, step: 'Prepared', moments: [], fault: null };
      world.truth(plan.id).owed = plan.strategy === 'post_copy';
      agent.targets.set(plan.id, entry);
      return { ...targetState(entry), data_address: '127.0.0.1:1', token: `token-${plan.id}` };
    },
    CreateTargetPod: ({ migration }: MigrationRef__Output) => {
      const entry = target(migration);
      expect(entry, 'CreateTargetPod', 'Prepared', 'Waiting');
      entry.step = 'Waiting';
      return targetState(entry);
    },
    Restore: ({ migration }: MigrationRef__Output) => {
      const entry = target(migration);
      if (!world.truth(migration).committed) return world.violated(`${migration}: Restore before the commit`);
      if (entry.step === 'Running') return targetState(entry);
      expect(entry, 'Restore', 'Waiting', 'Going', 'RestoreFailed');
      mark(entry, 'go');
      if (agent.failingRestores > 0) {
        agent.failingRestores -= 1;
        entry.step = 'RestoreFailed';
        entry.fault = { reason: 'RestoreFailed', message: 'CRIU says no' };
      } else {
        world.start(entry.plan);
        entry.step = 'Running';
        mark(entry, 'running');
      }
      return targetState(entry);
    },
    FinishTarget: ({ migration }: MigrationRef__Output) => {
      const entry = target(migration);
      expect(entry, 'FinishTarget', 'Running');
      if (world.truth(migration).source !== 'killed')
        world.violated(`${migration}: the proof that the target runs goes before the source`);
      agent.targets.delete(migration);
      return targetState({ ...entry, step: 'Finished' });
    },
    DiscardTarget: ({ migration, keep_images }: { migration: string; keep_images: boolean }) => {
      const entry = target(migration);
      if (entry.step === 'Running' || entry.step === 'Going')
        throw new Fault('ReleaseFailed', `${node} has had its go and is not discarded`);
      agent.targets.delete(migration);
      return { ...targetState({ ...entry, step: 'Discarded' }), images: keep_images ? `/kept/${migration}` : '' };
    },

    PrepareSource: ({ plan, data_address, token }: PrepareSourceRequest__Output) => {
      if (plan === null || plan.source_node !== node) return world.violated('PrepareSource without a plan, or here');
      if (data_address === '' || token !== `token-${plan.id}`)
        world.violated('PrepareSource without address and token');
      const entry: SourceEntry = { plan, step: 'Prepared', moments: [] };
      agent.sources.set(plan.id, entry);
      return sourceState(entry);
    },
    CopyAhead: ({ migration }: MigrationRef__Output, tell: Tell) => {
      const entry = source(migration);
      expect(entry, 'CopyAhead', 'Prepared');
      tell({ phase: 'PreCopying', bytes_done: mebibytes(1), bytes_total: mebibytes(2) });
      tell({ phase: 'PreCopying', bytes_done: mebibytes(2), bytes_total: mebibytes(2) });
      return sourceState(entry);
    },
    Arm: ({ migration, target_ips }: ArmRequest__Output) => {
      const entry = source(migration);
      expect(entry, 'Arm', 'Prepared', 'Armed');
      if (target_ips.join() !== targetIps.join()) world.violated(`Arm with targets ${JSON.stringify(target_ips)}`);
      entry.step = 'Armed';
      return sourceState(entry);
    },
    FreezeAndSend: ({ migration }: MigrationRef__Output, tell: Tell) => {
      const entry = source(migration);
      expect(entry, 'FreezeAndSend', 'Armed');
      tell({ phase: 'Freezing' });
      world.freeze(entry.plan);
      mark(entry, 'frozen');
      entry.watchdog = setTimeout(() => {
        if (entry.step !== 'Frozen' && entry.step !== 'Sent') return;
        world.thaw(entry.plan);
        entry.step = 'RolledBackSource';
      }, entry.plan.freeze_deadline_ms);
      tell({ phase: 'Dumping' });
      tell({ phase: 'Transferring', bytes_done: mebibytes(1), bytes_total: mebibytes(1) });
      entry.step = 'Sent';
      mark(entry, 'sent');
      return sourceState(entry);
    },
    Commit: ({ migration }: MigrationRef__Output) => {
      const entry = source(migration);
      if (entry.step === 'Committed') return sourceState(entry);
      if (entry.step !== 'Sent')
        throw new Fault('CommitFailed', `the source is ${entry.step}: there is nothing to commit`);
      clearTimeout(entry.watchdog);
      entry.step = 'Committed';
      world.truth(migration).committed = true;
      mark(entry, 'committed');
      return sourceState(entry);
    },
    Revoke: ({ migration }: MigrationRef__Output) => {
      const entry = source(migration);
      if (entry.step !== 'Committed')
        throw new Fault('CommitFailed', `the source is ${entry.step}: there is nothing to revoke`);
      const truth = world.truth(migration);
      if (truth.target === 'running') world.violated(`${migration}: revoked while the target runs`);
      truth.committed = false;
      entry.step = 'Sent';
      return sourceState(entry);
    },
    RollBackSource: ({ migration }: MigrationRef__Output) => {
      const entry = source(migration);
      if (entry.step === 'Committed') throw new Fault('CommitFailed', `${migration} is committed`);
      if (entry.step === 'Released') world.violated('RollBackSource after the release');
      clearTimeout(entry.watchdog);
      if (entry.step === 'Frozen' || entry.step === 'Sent') world.thaw(entry.plan);
      agent.sources.delete(migration);
      return sourceState({ ...entry, step: 'RolledBackSource' });
    },
    PassTraffic: ({ migration }: MigrationRef__Output) => {
      const entry = source(migration);
      expect(entry, 'PassTraffic', 'Committed');
      if (world.truth(migration).target !== 'running') world.violated(`${migration}: traffic is passed to nothing`);
      entry.passes = true;
      return sourceState(entry);
    },
    Follow: async ({ migration }: MigrationRef__Output, tell: Tell) => {
      const entry = source(migration);
      expect(entry, 'Follow', 'Committed');
      if (world.truth(migration).target !== 'running') world.violated(`${migration}: memory for nothing`);
      tell({ phase: 'Completing', bytes_done: mebibytes(4), bytes_total: mebibytes(8) });
      await agent.sendsMemory(migration);
      world.truth(migration).owed = false;
      return sourceState(entry);
    },
    Linger: async ({ migration }: MigrationRef__Output, tell: Tell) => {
      const entry = source(migration);
      if (!entry.passes) world.violated('Linger before PassTraffic');
      await agent.lingers((connections) => tell({ connections }));
      return sourceState(entry);
    },
    ReleaseSource: ({ migration }: MigrationRef__Output) => {
      const entry = source(migration);
      if (!entry.passes) world.violated('ReleaseSource before PassTraffic');
      if (entry.step === 'Committed') world.kill(entry.plan);
      else expect(entry, 'ReleaseSource', 'Released');
      agent.sources.delete(migration);
      return sourceState({ ...entry, step: 'Released' });
    },
  };
}

function mark(entry: SourceEntry | TargetEntry, name: string): void {
  entry.moments.push({ name, unix_ms: Date.now() });
}

function known<T>(entry: T | undefined, id: string, node: string): T {
  if (entry === undefined) throw new Fault('MigrationNotFound', `${node} has no ${id}`);
  return entry;
}

function sourceState({ plan, step, moments }: SourceEntry) {
  return { migration: plan.id, step, plan, moments, fault: null, dumped_bytes: '0' };
}
