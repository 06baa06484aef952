/**
 * What stands on the outside of a checkpoint: which segments there are. It is written last. Its digest is known from
 * elsewhere, so whoever can write to the shared directory can spoil a checkpoint, but not change it.
 */
import { join } from 'node:path';
import { Fault } from '../../../proto/fault.ts';
import { chain } from '../nfs/manifest.ts';
import type { Attempt } from '../nfs/share.ts';

export const contentsLimit = 8 << 20;

const form = 1;

export interface Contents {
  /** Digests of the segments' manifests, in order. */
  segments: string[];
}

export function contentsPath({ directory }: Attempt): string {
  return join(directory, 'checkpoint.json');
}

export function encodeContents({ segments }: Contents): Buffer {
  return Buffer.from(JSON.stringify({ form, segments }));
}

/** Of all that it holds, by way of the segments' digests of their parts. */
export function digestOf({ segments }: Contents): string {
  return `sha256:${segments.reduce((before, sha256) => chain(before, sha256), '')}`;
}

/**
 * @param digest as it is known from elsewhere
 * @throws Fault VerifyFailed
 */
export function decodeContents(text: Buffer, digest: string, path: string): Contents {
  const contents = parse(text);
  if (contents === undefined) throw new Fault('VerifyFailed', `${path} is not what a checkpoint has there`);
  const is = digestOf(contents);
  if (is === digest) return contents;
  throw new Fault(
    'VerifyFailed',
    `${path} belongs to another checkpoint: its digest is ${is}, not ${digest}; who else writes to that directory?`,
  );
}

function parse(text: Buffer): Contents | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { form: written, segments } = value as Record<string, unknown>;
  if (written !== form || !Array.isArray(segments) || segments.length === 0) return undefined;
  const digests = segments.filter((each) => typeof each === 'string' && /^[0-9a-f]{64}$/.test(each)) as string[];
  return digests.length === segments.length ? { segments: digests } : undefined;
}
