/** Images where they lie. Each is read once and, if anything in it was changed, written once. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { decodeImage, encodeImage, type Image, type ImageKind } from './image.ts';

/** Works on the entries in place. @returns whether it changed anything */
export type Change<Entry> = (entries: Entry[]) => boolean;

/** @throws Fault DumpFailed when it cannot be read as what it should be */
export function readImage<Schema extends DescMessage>(kind: ImageKind<Schema>, path: string): Image<Schema> {
  return decodeImage(kind, path, readFileSync(path));
}

/** @returns whether anything was changed; throws as readImage does */
export function changeImage<Schema extends DescMessage>(
  kind: ImageKind<Schema>,
  path: string,
  changes: readonly Change<MessageShape<Schema>>[],
): boolean {
  const image = readImage(kind, path);
  const changed = changes.map((change) => change(image.entries)).includes(true);
  if (!changed) return false;
  // Beside it: CRIU, or whoever else has the old one open, keeps that as it is.
  const fresh = `${path}.new`;
  writeFileSync(fresh, encodeImage(kind, image), { mode: 0o600 });
  renameSync(fresh, path);
  return true;
}
