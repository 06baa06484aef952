/** All that a coordinator has to do with checkpoints: their objects, what is under way, and what is found in journals. */
import type { Logger } from 'pino';
import type { Halves } from '../migration/sweep.ts';
import { Active } from './active.ts';
import { Controller } from './controller.ts';
import { CheckpointService } from './service.ts';
import { takeUp } from './take-up.ts';
import type { World } from './world.ts';

export class Checkpoints implements Halves {
  readonly service: CheckpointService;
  readonly #world: World;
  readonly #controller: Controller;

  constructor(world: Omit<World, 'active'>) {
    this.#world = { ...world, active: new Active() };
    this.#controller = new Controller(this.#world);
    this.service = new CheckpointService(this.#controller, this.#world);
  }

  get ids(): readonly string[] {
    return this.#world.active.ids;
  }

  has(id: string): boolean {
    return this.#world.active.has(id);
  }

  on(node: string): number {
    return this.#world.active.on(node);
  }

  takeUp(...[plan, target]: Parameters<Halves['takeUp']>): void {
    takeUp(plan, target, this.#world);
  }

  start(): void {
    this.#controller.start();
  }

  stop(): void {
    this.#controller.stop();
  }

  /** As Migrations.close(). */
  async end(graceMs: number): Promise<void> {
    await this.#world.active.close(graceMs);
  }

  async close(graceMs: number): Promise<void> {
    await this.#controller.close(graceMs);
  }
}

/** Without Kubernetes there are none; one in a journal is of a coordinator that had it. */
export function noHalves(log: Logger): Halves {
  return {
    ids: [],
    has: () => false,
    on: () => 0,
    takeUp: ({ id }) =>
      log.error({ migration: id }, 'found a checkpoint or a copy: this coordinator needs --kubeconfig for it'),
  };
}
