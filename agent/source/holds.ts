/** The holds of this node as the coordinator asks for them, and their ends that nobody asks for. */
import type { HoldRequest__Output } from '../../proto/gen/podferry/v1/HoldRequest.ts';
import { Fault } from '../../proto/fault.ts';
import type { AgentParts } from '../agent.ts';
import { handler } from '../target/create-pod.ts';
import { expire, type Hold, hold, lift, listHolds, readHold } from './hold.ts';
import type { SourceMigration } from './source.ts';

const lookMs = 60_000;
/** Of one that is prolonged because its source is committed: several looks, so that none of them is missed. */
const prolongedMs = 5 * lookMs;

export class Holds {
  readonly #parts: AgentParts;

  /** @param isCommitted of a migration: its source must not be ended before the target is known to run */
  constructor(parts: AgentParts, isCommitted: (migration: string) => boolean) {
    this.#parts = parts;
    setInterval(() => this.#look(isCommitted), lookMs).unref();
  }

  get all(): Hold[] {
    return listHolds(this.#parts.paths);
  }

  /** @param source prepared: what is held are its containers */
  hold({ record }: SourceMigration, { object_json, valid_ms }: HoldRequest__Output): Hold {
    const { paths } = this.#parts;
    const { plan, details } = record;
    const objectJson = object_json === '' ? readHold(paths, plan.id)?.objectJson : object_json;
    if (objectJson === undefined) {
      throw new Fault('InvalidArgument', `${plan.id} holds nothing here yet: give the object`);
    }
    return hold(paths, { plan, objectJson, containers: details.containers.map(({ id }) => id) }, valid_ms);
  }

  /** Whether it could be held. @throws Fault RuntimeUnsupported */
  check({ live }: SourceMigration): void {
    const { situation } = this.#parts;
    if (live !== undefined && live.pod.status.runtimeHandler !== handler) {
      const is = live.pod.status.runtimeHandler || 'the default';
      const message = `the pod runs under the runtime handler ${is} on ${situation.node}: only under ${handler} can it be kept when its object goes`;
      throw new Fault('RuntimeUnsupported', message);
    }
  }

  /** Ends nothing by itself: kubelet does, if the pod's object is gone. */
  lift(migration: string): Hold | undefined {
    return lift(this.#parts.paths, migration);
  }

  /** Resolves when nothing of it runs any more. Kubelet's own next try may be minutes away. May be repeated. */
  async end(migration: string, graceSeconds: number): Promise<Hold | undefined> {
    const { paths, runtime } = this.#parts;
    const held = readHold(paths, migration);
    if (held === undefined) return undefined;
    expire(paths, held);
    await Promise.all(held.containers.map(async (id) => await runtime.stopContainer(id, graceSeconds)));
    return held;
  }

  #look(isCommitted: (migration: string) => boolean): void {
    const { paths, log } = this.#parts;
    for (const held of this.all) {
      const { id } = held.plan;
      if (isCommitted(id)) hold(paths, held, prolongedMs);
      else if (held.untilUnixMs < Date.now())
        log.warn({ migration: id }, 'nobody has moved the pod that was held, or held it again: kubelet may end it now');
    }
  }
}
