/**
 * Carries a directory tree to the target in rounds: everything first, then what has changed since the round before.
 * The last round runs while the pod is frozen, so it costs an lstat a file, a tar process that already waits, and the
 * reading of large files that have changed.
 */
import { statfs } from 'node:fs/promises';
import type { Outbox } from '../transfer/transfer.ts';
import { SentChunks } from './chunks.ts';
import { diff, type Difference, patchFrom } from './diff.ts';
import { hidden, type Overlay, standsAlone } from './hidden.ts';
import { type Packer, startPacker } from './pack.ts';
import { type Listing, scan } from './scan.ts';

/** linux/magic.h: a write through a mapping leaves no trace there at all. */
const tmpfsMagic = 0x01021994;

export interface TreeSource {
  /** The channel that its entries travel under, CONTAINER/TREE. */
  channel: string;
  /** Directory on the node. */
  root: string;
  /** Of an overlay's upper layer: what is below it and the container's merged view. */
  overlay?: Overlay;
  /** Files of it that processes have mapped for writing now, as absolute paths in the container. */
  mapped?: () => Iterable<string>;
}

export class CarriedTree {
  readonly source: TreeSource;
  #last: Listing = new Map();
  #scannedAt = 0n;
  readonly #chunks: SentChunks;
  /** Whatever was mapped once: it may have been written to since it was carried. */
  readonly #mapped = new Set<string>();
  #inMemory: boolean | undefined;
  #packer: Packer | undefined;

  constructor(source: TreeSource) {
    this.source = source;
    this.#chunks = new SentChunks(source.root, source.channel);
  }

  /** Starts what the next round would otherwise have to start. Call it before the freeze. */
  async getReady(): Promise<void> {
    this.#packer ??= await startPacker(this.source.root);
  }

  /** In its files, now. */
  async bytes(): Promise<number> {
    const entries = [...(await scan(this.source.root)).values()];
    return entries.reduce((sum, { kind, size }) => sum + (kind === 'file' ? Number(size) : 0), 0);
  }

  /** One round. @returns how many paths it carried; 0: the target had it all. */
  async round(outbox: Outbox, signal: AbortSignal): Promise<number> {
    const scannedAt = BigInt(Date.now()) * 1_000_000n;
    this.#lookForMappings();
    this.#inMemory ??= (await statfs(this.source.root)).type === tmpfsMagic;
    const listing = await scan(this.source.root);
    const { overlay } = this.source;
    const difference = diff(this.#last, listing, this.#scannedAt, {
      doubted: (path) => this.#doubted(path, listing),
      standsAlone: (path) => overlay === undefined || standsAlone(listing, path, overlay),
    });
    const removed = [...difference.removed, ...this.#hidden(listing, difference)];
    signal.throwIfAborted();
    const last = this.#last;
    // From here on nobody knows what the target has of what is under way.
    this.#last = listing;
    this.#scannedAt = scannedAt;
    if (removed.length > 0) {
      const { channel } = this.source;
      await outbox.put({ channel, op: 'remove' }, Buffer.from(JSON.stringify(removed)));
    }
    await this.#pack(difference, listing, outbox, signal);
    const patched = await this.#patch(difference.patched, { last, listing }, outbox, signal);
    this.#lookForMappings();
    return removed.length + difference.packed.length + patched;
  }

  /** Ends what getReady() started. */
  close(): void {
    this.#packer?.cancel();
    this.#packer = undefined;
  }

  #lookForMappings(): void {
    for (const path of this.source.mapped?.() ?? []) this.#mapped.add(path.slice(1));
  }

  #doubted(path: string, listing: Listing): boolean {
    const isMountPoint = listing.get(path)?.ctimeNs === 0n;
    return !isMountPoint && (this.#inMemory === true || this.#mapped.has(path));
  }

  #hidden(listing: Listing, { packed }: Difference): string[] {
    const { overlay } = this.source;
    if (overlay === undefined) return [];
    const fresh = new Set(packed.filter((path) => !this.#last.has(path)));
    const directories = packed.filter((path) => listing.get(path)?.kind === 'directory');
    return hidden(listing, directories, fresh, overlay);
  }

  async #pack({ packed, parents }: Difference, listing: Listing, outbox: Outbox, signal: AbortSignal): Promise<void> {
    if (packed.length + parents.length === 0) return;
    const wanted = new Set([...packed, ...parents]);
    const paths = [...listing.keys()].filter((path) => wanted.has(path));
    const frozenNext = this.#packer !== undefined;
    const packer = this.#packer ?? (await startPacker(this.source.root));
    this.#packer = undefined;
    try {
      for (const path of packed) this.#chunks.forget(path);
      await outbox.put({ channel: this.source.channel, op: 'tar' }, packer.pack(paths, listing));
    } catch (error) {
      packer.cancel();
      throw error;
    }
    for (const path of packer.missing(packed)) unknown(path, listing);
    if (frozenNext) return;
    for (const path of packed) {
      const entry = listing.get(path);
      if (entry?.kind !== 'file' || entry.size < patchFrom || this.#doubted(path, listing)) continue;
      await this.#chunks.learn(path, entry, signal);
    }
  }

  /** @returns how many of them had anything to send */
  async #patch(
    paths: readonly string[],
    { last, listing }: Record<'last' | 'listing', Listing>,
    outbox: Outbox,
    signal: AbortSignal,
  ): Promise<number> {
    let sent = 0;
    for (const path of paths) {
      const [before, now] = [last.get(path), listing.get(path)];
      if (before === undefined || now === undefined) continue;
      const outcome = await this.#chunks.send(path, before, now, outbox, signal);
      if (outcome === 'gone') unknown(path, listing);
      if (outcome === 'sent') sent += 1;
    }
    return sent;
  }
}

/** Lets the next round carry it whole, with all below it, if it is there again: no file has this inode number. */
function unknown(path: string, listing: Listing): void {
  for (const [each, entry] of listing) {
    if (each === path || each.startsWith(`${path}/`)) listing.set(each, { ...entry, ino: 0n });
  }
}
