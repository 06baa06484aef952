/** What a segment holds. The source tells the digest of a manifest over the socket, so whoever can write to the shared
 * directory can spoil a transfer, but not change it. */
import { createHash } from 'node:crypto';
import { Fault } from '../../../proto/fault.ts';
import { checkEntry } from '../entry.ts';
import type { Entry } from '../transfer.ts';

export interface Part {
  entry: Entry;
  /** In the segment, in bytes. */
  offset: number;
  length: number;
  sha256: string;
}

export interface Manifest {
  number: number;
  parts: Part[];
}

export function encode(manifest: Manifest): { text: Buffer; sha256: string } {
  const text = Buffer.from(JSON.stringify(manifest));
  return { text, sha256: sha256(text) };
}

/** @throws Fault VerifyFailed when it is not the one that was announced */
export function decode(text: Buffer, announced: { number: number; sha256: string }, path: string): Manifest {
  if (sha256(text) !== announced.sha256) {
    throw new Fault(
      'VerifyFailed',
      `${path} is not what the source wrote: check the file server's disk, then migrate again`,
    );
  }
  const { number, parts } = JSON.parse(text.toString()) as Manifest;
  if (number !== announced.number) throw new Fault('VerifyFailed', `${path} belongs to segment ${number}`);
  return {
    number,
    parts: parts.map((part) => checkPart(part, path)),
  };
}

/** Nothing that is read by it can lead out of its segment, whoever wrote it. */
function checkPart({ entry, offset, length, sha256 }: Part, path: string): Part {
  const checked = checkEntry(entry);
  const numbers = [offset, length, offset + length];
  if (numbers.every((value) => Number.isSafeInteger(value) && value >= 0) && typeof sha256 === 'string') {
    return { entry: checked, offset, length, sha256 };
  }
  throw new Fault('VerifyFailed', `${path} has a part that no segment has`);
}

/** The digest of a whole transfer: of its manifests, in order. */
export function chain(before: string, manifest: string): string {
  return sha256(Buffer.from(`${before} ${manifest}`));
}

function sha256(text: Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}
