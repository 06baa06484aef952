/**
 * One connection between two agents, seen from either: frames in both directions, and a heartbeat, because a cut link
 * says nothing by itself. No reset comes when a cable or a veth is down; only silence.
 */
import type { Socket } from 'node:net';
import { Fault } from '../../../proto/fault.ts';
import { fromWire, socketFault, toWire } from '../foreign-error.ts';
import { type FrameHandler, FrameReader, frame, type Kind, kinds } from './frames.ts';

export interface LinkHandler extends FrameHandler {
  /** Called once, when the link can no longer be used and it was not we who ended it. */
  gone(fault: Fault): void;
}

/** How long a peer that was told why may take to hang up, in milliseconds. */
const farewellMs = 1_000;

/** Silence is measured in beats, not by a clock: a process that was itself held up does not blame its peer. */
const beatsPerStall = 4;

export class Link {
  readonly socket: Socket;
  /** For errors: "node-b at 10.0.0.2:7071". */
  readonly peer: string;
  readonly #reader = new FrameReader();
  readonly #beat: NodeJS.Timeout;
  readonly #frames: FrameHandler = {
    frame: (kind, value) => {
      if (kind === kinds.Ping || this.#over) return;
      if (kind === kinds.Fault) this.#lost(fromWire(value, this.peer));
      else this.#handler.frame(kind, value);
    },
    data: (part) => {
      if (!this.#over) this.#handler.data(part);
    },
  };
  #handler: LinkHandler;
  #silent = 0;
  #over = false;

  /** @param stallMs silence after which the peer counts as gone, in milliseconds */
  constructor(socket: Socket, peer: string, stallMs: number, handler: LinkHandler) {
    this.socket = socket;
    this.peer = peer;
    this.#handler = handler;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#heard(chunk));
    socket.on('error', (error) => this.#lost(socketFault(error, `connection with ${peer} broke`, 'TransferFailed')));
    socket.on('close', () =>
      this.#lost(new Fault('TransferFailed', `${peer} closed the connection before all was done`)),
    );
    this.#beat = setInterval(() => this.#check(stallMs), stallMs / beatsPerStall).unref();
  }

  set handler(handler: LinkHandler) {
    this.#handler = handler;
  }

  send(kind: Kind, value?: unknown): void {
    if (!this.#over) this.socket.write(frame(kind, value));
  }

  /** Ends it with a word to the peer. Resolves when that has been heard, or cannot be. */
  async refuse(fault: Fault): Promise<void> {
    if (this.#over) return;
    this.send(kinds.Fault, toWire(fault));
    await this.hangUp();
  }

  /** Ends it after what has been written. What still comes is thrown away, not left unread: that would be a reset. */
  async hangUp(): Promise<void> {
    if (this.#over) return;
    this.#end();
    const { socket } = this;
    if (socket.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => socket.destroy(), farewellMs);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.resume();
    socket.end();
    await promise;
  }

  #heard(chunk: Buffer): void {
    this.#silent = 0;
    if (this.#over) return;
    try {
      this.#reader.push(chunk, this.#frames);
    } catch (error) {
      const fault = Fault.from(error, 'Internal', `cannot make sense of what ${this.peer} sent`);
      void this.refuse(fault);
      this.#handler.gone(fault);
    }
  }

  #check(stallMs: number): void {
    const { socket } = this;
    // Somebody who does not listen cannot blame the other for being silent.
    this.#silent = socket.isPaused() ? 0 : this.#silent + 1;
    if (this.#silent >= beatsPerStall) {
      const why = `nothing came for ${stallMs} ms: the link is cut, or the agent there hangs`;
      this.#lost(new Fault('TransferFailed', `connection with ${this.peer} is dead: ${why}`));
    } else if (!socket.writableNeedDrain) {
      this.send(kinds.Ping);
    }
  }

  #lost(fault: Fault): void {
    if (this.#over) return;
    this.#end();
    this.socket.destroy();
    this.#handler.gone(fault);
  }

  #end(): void {
    this.#over = true;
    clearInterval(this.#beat);
  }
}
