/**
 * What both ends count for themselves and compare at every barrier. TLS vouches for each byte and its place, so below
 * TLS it is enough to count; a checksum of every byte would cost a third of the transfer. In plaintext nobody vouches.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { crc32 } from 'node:zlib';
import type { Entry, Receipt } from '../transfer.ts';

export class Tally {
  bytes = 0;
  #crc = 0;
  readonly #everyByte: boolean;

  /** @param socket whose bytes are counted */
  constructor(socket: Socket | undefined) {
    this.#everyByte = !(socket instanceof TLSSocket);
  }

  data(part: Buffer): void {
    this.bytes += part.length;
    if (this.#everyByte) this.#crc = crc32(part, this.#crc);
  }

  /** @param bytes in its body */
  entry({ channel, op, path, meta }: Entry, bytes: number): void {
    this.#crc = crc32(JSON.stringify([channel, op, path, meta, bytes]), this.#crc);
  }

  receipt(): Receipt {
    return { bytes: this.bytes, digest: `crc32:${this.#crc.toString(16).padStart(8, '0')}` };
  }
}
