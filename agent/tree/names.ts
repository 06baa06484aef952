/**
 * File names are bytes, and not all of them UTF-8. Here a name is a string all the same: one that is no UTF-8 has lone
 * surrogates for its bytes from 0x80 on (U+DC80 to U+DCFF), which survive JSON and stand for no character.
 */
import { isUtf8 } from 'node:buffer';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('');
}

/** The bytes of a name, or of a path made of names. */
export function bytesOf(path: string): Buffer {
  if (path.isWellFormed()) return Buffer.from(path);
  return Buffer.concat(
    Array.from(path, (character) => {
      const code = character.codePointAt(0) ?? 0;
      return code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character);
    }),
  );
}

/** What a path below a directory is called in Node's calls. */
export function fileAt(directory: string, path: string): string | Buffer {
  if (path.isWellFormed()) return join(directory, path);
  return Buffer.concat([Buffer.from(`${directory}/`), bytesOf(path)]);
}

export function namesIn(directory: string | Buffer): string[] {
  const names = readdirSync(directory);
  // Node has put this where it could not read a name.
  if (!names.some((name) => name.includes('\ufffd'))) return names;
  return readdirSync(directory, { encoding: 'buffer' }).map(nameOf);
}
