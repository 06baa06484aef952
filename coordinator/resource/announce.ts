/** Which events there are of one migration, and on which objects. */
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { isEnd, type EndPhase, type Phase } from '../../proto/phases.ts';
import { formatDuration } from '../duration.ts';
import type { Outcome } from '../migration/record.ts';
import type { Events, News, Subject } from './events.ts';
import { quietMs, standsStill } from './mirror.ts';
import { apiVersion, kind, type PodMigration } from './pod-migration.ts';

/** Enough for whoever looks at a pod; its migration has all of them. */
const toldToPods: readonly Phase[] = ['Preparing', 'Freezing'];

export class Announcer {
  readonly #events: Pick<Events, 'tell'>;
  readonly #told: Set<string>;

  /** @param object what it says already, an earlier coordinator has told */
  constructor(events: Pick<Events, 'tell'>, { status }: PodMigration) {
    this.#events = events;
    this.#told = new Set(status?.phases?.map(({ phase }) => phase));
    if (status?.phase !== undefined) this.#told.add(status.phase);
  }

  /** Of each phase once, also of those that came and went since the last time. */
  told(object: PodMigration, targetUid: string | undefined, migration: Migration): void {
    for (const { phase } of migration.phases) if (this.#isNew(phase)) this.#phase(object, migration, phase as Phase);
    const phase = migration.phase as Phase;
    if (!isEnd(phase) || !this.#isNew(phase)) return;
    const news = newsOf(phase, migration.outcome, migration);
    this.#events.tell(subjectOf(object), news);
    for (const pod of [sourceOf(migration), targetOf(migration, targetUid)]) {
      if (pod !== undefined) this.#events.tell(pod, news);
    }
  }

  /** Of one that ended without a migration. */
  ended(object: PodMigration, phase: EndPhase, outcome: Outcome | undefined): void {
    this.#events.tell(subjectOf(object), newsOf(phase, outcome ?? null));
  }

  warn(object: PodMigration, reason: string, message: string): void {
    this.#events.tell(subjectOf(object), { type: 'Warning', reason, message });
  }

  #isNew(phase: string): boolean {
    const isNew = !this.#told.has(phase);
    this.#told.add(phase);
    return isNew;
  }

  #phase(object: PodMigration, migration: Migration, phase: Phase): void {
    const { source_node = '', target_node = '' } = migration.plan ?? {};
    const news: News = { type: 'Normal', reason: phase, message: `${migration.id}: ${source_node} → ${target_node}` };
    const delayMs = standsStill(phase) ? quietMs : 0;
    this.#events.tell(subjectOf(object), news, delayMs);
    const source = sourceOf(migration);
    if (toldToPods.includes(phase) && source !== undefined) this.#events.tell(source, news, delayMs);
  }
}

function newsOf(phase: EndPhase, outcome: Migration['outcome'], migration?: Migration): News {
  if (phase !== 'Succeeded')
    return { type: 'Warning', reason: outcome?.reason ?? phase, message: `${phase}: ${outcome?.message ?? ''}` };
  const { id = '', plan = null, freeze_ms = 0 } = migration ?? {};
  const route = plan === null ? '' : `${id}: ${plan.source_node} → ${plan.target_node}`;
  return {
    type: 'Normal',
    reason: phase,
    message: `${route}${freeze_ms > 0 ? `, frozen ${formatDuration(freeze_ms)}` : ''}`,
  };
}

export function subjectOf({ metadata: { namespace, name, uid } }: PodMigration): Subject {
  return { apiVersion, kind, namespace, name, uid };
}

function sourceOf({ plan }: Migration): Subject | undefined {
  if (plan?.pod === null || plan?.pod === undefined) return undefined;
  const { namespace, name, uid } = plan.pod;
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
}

/** There is one only at the end that it was made for. */
function targetOf({ plan, phase }: Migration, uid: string | undefined): Subject | undefined {
  if (phase !== 'Succeeded' || uid === undefined || plan?.target_pod === null || plan === null) return undefined;
  const { namespace, name } = plan.target_pod;
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
}
