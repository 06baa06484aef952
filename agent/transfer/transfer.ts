/**
 * How frozen state and files travel from the source's agent to the target's. What an entry means is between the
 * caller at the source and the sink at the target; a transport only delivers entries in order, whole, and says when
 * the other side holds them.
 */
import type { Fault } from '../../proto/fault.ts';
import type { PodManifest } from '../../proto/gen/podferry/v1/PodManifest.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Entry {
  /** Whose it is: CONTAINER/images, CONTAINER/TREE. Checked by checkEntry() on both sides, as all of this is. */
  channel: string;
  /** What is to be done with it; the sink knows. */
  op: string;
  /** Relative to what the channel stands for. */
  path?: string;
  /** Bytes in the body, if known; a body of another size is a fault. */
  size?: number;
  /** At most 60 KiB as JSON. */
  meta?: Json;
}

/** What is on a disk, or may vanish, comes as an iterable. */
export type Body = Buffer | AsyncIterable<Buffer> | FileBody;

/** A regular file that is read when its turn comes, without leaving the event loop: meant for tmpfs. */
export interface FileBody {
  path: string;
  /** In bytes, `to` exclusive: of a file that may still grow at its end. Without it: all that it has then. */
  range?: { from: number; to: number };
}

/** What the target holds, of all entries until then. */
export interface Receipt {
  /** In bodies. */
  bytes: number;
  /** ALGORITHM:hex, the same on both sides. */
  digest: string;
}

/** The source's end. */
export interface Outbox {
  /** Aborts with a Fault as its reason when the transfer can no longer succeed, even while nothing is being sent. */
  readonly lost: AbortSignal;
  /** Bytes of bodies handed over so far. */
  readonly bytes: number;
  /**
   * Hands an entry over, after those before it; resolves when there is room for the next one. The target may not have
   * it before the next barrier, and what goes wrong there is thrown by a later call. Whatever goes wrong here, other
   * than an entry that is refused by checkEntry(), ends the transfer.
   */
  put(entry: Entry, body?: Body): Promise<void>;
  /**
   * The end of a round: resolves when the target's sink has taken all entries until here.
   * @param name for logs and errors: a-z, 0-9 and -
   */
  barrier(name: string, signal: AbortSignal): Promise<Receipt>;
  /** The end: resolves when the target holds everything, verified, and has closed its side. */
  seal(signal: AbortSignal): Promise<Receipt>;
  /** Ends it in any state, at both ends, and removes what it left. Never throws; may be called twice. */
  abort(reason: Fault): Promise<void>;
}

/** A body at the target. It can be read once. */
export interface Arriving extends AsyncIterable<Buffer> {
  /** The same in the pieces in which it came, many at a time, for writev: nothing is copied. See save(). */
  batches(): AsyncIterable<Buffer[]>;
}

/** What the target's agent does with entries. One call at a time, in the order of the source's put(). */
export interface Sink {
  /** A body that is not read to its end is skipped. What it throws reaches the source, as the Fault it is. */
  accept(entry: Entry, body: Arriving, signal: AbortSignal): Promise<void>;
  /**
   * Before a barrier or the seal is answered: closes files, waits for writers.
   * @param sealed everything has arrived and was verified; the source may act on it from the answer on
   */
  settle?(sealed: boolean, signal: AbortSignal): Promise<void>;
}

/** The target's end: one transfer that is expected, runs or is over. */
export interface Inbox {
  /** What the source must show, once: 32 random bytes in base64url. */
  readonly token: string;
  readonly bytes: number;
  /** Resolves when sealed; rejects with the Fault that ended it. Either way the sink is not called any more. */
  readonly done: Promise<Receipt>;
  /** Ends it in any state; tells the source why. Resolves when the sink has returned. */
  abort(reason: Fault): Promise<void>;
}

/** Which connection a token is good for. */
export interface Grant {
  migration: string;
  /** The source's node, as its certificate names it. */
  peer: string;
  /** How long the token waits for its connection, in milliseconds. */
  validMs: number;
}

export interface Destination {
  migration: string;
  /** HOST:PORT of the target's data socket. */
  address: string;
  /** The target's node, as its certificate names it. */
  peer: string;
  token: string;
  /** Called with the bytes of bodies handed over so far, at most once per 256 KiB. */
  onProgress?: (bytes: number) => void;
  /** What leaves: kept with it where nobody has been told. */
  manifest?: PodManifest;
}

/** The source's half of a transport: all that there is of one whose target comes later. */
export interface Sending {
  readonly name: 'stream' | 'nfs' | 'directory';
  /**
   * The source's side: connected, authenticated and welcome when it resolves, so that nothing of that is left for the
   * time in which the pod is frozen.
   * @throws Fault AgentUnreachable, PermissionDenied, TransportUnavailable
   */
  open(to: Destination, signal: AbortSignal): Promise<Outbox>;
  /**
   * Removes what transfers of an earlier life of this agent have left, other than the migrations given.
   * @returns the migrations whose leftovers are gone
   */
  sweep(alive: ReadonlySet<string>): Promise<string[]>;
}

export interface Transport extends Sending {
  /** The target's side: a transfer may come from now on. */
  expect(grant: Grant, sink: Sink): Inbox;
}
