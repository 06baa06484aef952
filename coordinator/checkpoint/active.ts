/** The checkpoints that are being made and the copies that are being started here, by their id in the agents' journals. */
import { Fault } from '../../proto/fault.ts';
import type { Ends } from './course.ts';

export interface Work extends Ends {
  /** Tells on which node it is. */
  at: (node: string) => void;
}

interface Operation {
  node: string;
  /** The checkpoint that it reads; empty if none. */
  reads: string;
  stop: AbortController;
  end: Promise<void>;
}

export class Active {
  readonly #all = new Map<string, Operation>();
  readonly #halt = new AbortController();
  #closed: Fault | undefined;
  /** Told of each that has ended, when it has. */
  onEnd: (id: string) => void = () => {};

  get ids(): readonly string[] {
    return [...this.#all.keys()];
  }

  has(id: string): boolean {
    return this.#all.has(id);
  }

  /** How many of them a node can have in its journal. */
  on(node: string): number {
    return [...this.#all.values()].filter((operation) => operation.node === node).length;
  }

  isRead(checkpoint: string): boolean {
    return [...this.#all.values()].some(({ reads }) => reads === checkpoint);
  }

  /**
   * Under way from now on. @param work never rejects but for a halt. @param reads the checkpoint that it needs to stay
   * @throws Fault NodeNotReady when nothing more is begun
   */
  begin(id: string, work: (work: Work) => Promise<void>, reads = ''): void {
    if (this.#closed !== undefined) throw this.#closed;
    const stop = new AbortController();
    const operation: Operation = { node: '', reads, stop, end: Promise.resolve() };
    this.#all.set(id, operation);
    const at = (node: string) => void (operation.node = node);
    operation.end = work({ stop: stop.signal, halt: this.#halt.signal, at })
      .catch(() => {})
      .finally(() => {
        this.#all.delete(id);
        this.onEnd(id);
      });
  }

  stop(id: string, why: Fault): void {
    this.#all.get(id)?.stop.abort(why);
  }

  /** As Migrations.close(). */
  async close(graceMs: number): Promise<void> {
    this.#closed = new Fault('NodeNotReady', 'the coordinator is shutting down: try again when it is back');
    const why = new Fault('CoordinatorRestarted', 'the coordinator was shut down before it had ended');
    if (graceMs === 0) this.#halt.abort(why);
    for (const { stop } of this.#all.values()) if (graceMs > 0) stop.abort(why);
    const timer = setTimeout(() => this.#halt.abort(why), graceMs);
    await Promise.all([...this.#all.values()].map(({ end }) => end));
    clearTimeout(timer);
  }
}
