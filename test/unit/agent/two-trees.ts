/**
 * One container's tree on two nodes: an overlay each, above the same image, and the stream transport between them in
 * plaintext. What the source's agent carries, the target's applies.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Listener } from '../../../agent/transfer/stream/listener.ts';
import { StreamTransport } from '../../../agent/transfer/stream/stream.ts';
import type { Inbox, Outbox } from '../../../agent/transfer/transfer.ts';
import { AppliedTree } from '../../../agent/tree/apply.ts';
import { CarriedTree, type TreeSource } from '../../../agent/tree/carry.ts';
import { openIdentity } from '../../../proto/identity.ts';

const log = { info: () => {}, warn: () => {} };
const identity = openIdentity(undefined, log);

export class TwoTrees {
  /** The container's root as its processes see it, on the source. */
  readonly source: string;
  /** The same on the target. */
  readonly target: string;
  readonly carried: CarriedTree;
  readonly outbox: Outbox;
  readonly #directory: string;
  readonly #mounts: string[];
  readonly #listener: Listener;
  readonly #inbox: Inbox;
  readonly #applied: AppliedTree;

  private constructor(place: Place, source: TreeSource, listener: Listener, lane: Lane) {
    this.source = place.source;
    this.target = place.target;
    this.#directory = place.directory;
    this.#mounts = place.mounts;
    this.carried = new CarriedTree(source);
    this.#listener = listener;
    this.outbox = lane.outbox;
    this.#inbox = lane.inbox;
    this.#applied = lane.applied;
  }

  /** @param image fills the directory that both overlays have below them */
  static async overlays(
    image: (root: string) => void = () => {},
    options: Partial<TreeSource> = {},
  ): Promise<TwoTrees> {
    const directory = mkdtempSync(join(tmpdir(), 'podferry-tree-'));
    const lower = join(directory, 'image');
    mkdirSync(lower);
    image(lower);
    const mounts = ['source', 'target'].map((side) => overlay(directory, lower, side));
    const place = { directory, mounts, source: join(directory, 'source'), target: join(directory, 'target') };
    const root = join(directory, 'source-upper');
    return await TwoTrees.#between(place, { root, overlay: { lowers: [lower], merged: place.source }, ...options });
  }

  /** Two file systems in memory, as a container's /dev/shm is. */
  static async inMemory(): Promise<TwoTrees> {
    const directory = mkdtempSync(join(tmpdir(), 'podferry-tree-'));
    const mounts = ['source', 'target'].map((side) => {
      const at = join(directory, side);
      mkdirSync(at);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=1777', 'podferry-test', at]);
      return at;
    });
    const place = { directory, mounts, source: join(directory, 'source'), target: join(directory, 'target') };
    return await TwoTrees.#between(place, { root: place.source });
  }

  static async #between(place: Place, source: Omit<TreeSource, 'channel'>): Promise<TwoTrees> {
    const listener = new Listener({ address: '127.0.0.1:0', identity, log, stallMs: 5_000 });
    await listener.listen();
    const transport = new StreamTransport(listener, identity);
    const applied = new AppliedTree(place.target);
    const grant = { migration: 'tree', peer: 'source', validMs: 5_000 };
    const inbox = transport.expect(grant, { accept: (entry, body) => applied.accept(entry, body) });
    inbox.done.catch(() => {});
    const to = { migration: 'tree', address: `127.0.0.1:${listener.port}`, peer: 'target', token: inbox.token };
    const outbox = await transport.open(to, soon());
    return new TwoTrees(place, { channel: 'app/rootfs', ...source }, listener, { outbox, inbox, applied });
  }

  /** Bytes of bodies so far. */
  get bytes(): number {
    return this.outbox.bytes;
  }

  /** @returns how many paths went over */
  async round(): Promise<number> {
    const carried = await this.carried.round(this.outbox, soon());
    await this.outbox.barrier('round', soon());
    return carried;
  }

  async close(): Promise<void> {
    this.carried.close();
    await this.outbox.seal(soon()).catch(() => {});
    await this.#inbox.done.catch(() => {});
    await this.#applied.close();
    await this.#listener.close();
    for (const mount of this.#mounts) execFileSync('umount', [mount]);
    rmSync(this.#directory, { recursive: true });
  }
}

interface Place {
  directory: string;
  mounts: string[];
  source: string;
  target: string;
}

interface Lane {
  outbox: Outbox;
  inbox: Inbox;
  applied: AppliedTree;
}

function overlay(directory: string, lower: string, side: string): string {
  const at = (what: string) => join(directory, what);
  for (const what of [side, `${side}-upper`, `${side}-work`]) mkdirSync(at(what));
  // As containerd mounts it.
  const options = `index=off,lowerdir=${lower},upperdir=${at(`${side}-upper`)},workdir=${at(`${side}-work`)}`;
  execFileSync('mount', ['-t', 'overlay', '-o', options, 'podferry-test', at(side)]);
  return at(side);
}

function soon(): AbortSignal {
  return AbortSignal.timeout(20_000);
}
