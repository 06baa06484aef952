/** The one place where names that arrive from another process become trusted, or do not. Both ends come by here. */
import { Fault } from '../../proto/fault.ts';
import type { Entry, Json } from './transfer.ts';

/** Of an entry without its body, on the wire. */
export const headerLimit = 96 << 10;
const metaLimit = 60 << 10;

const channelForm = /^[a-z0-9][a-z0-9._-]{0,62}(\/[a-z0-9][a-z0-9._-]{0,62}){0,3}$/;
const opForm = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * @returns a copy that holds nothing but what was checked
 * @throws Fault InvalidArgument for anything that is not plainly an entry, so for the zero value too
 */
export function checkEntry(value: unknown): Entry {
  if (typeof value !== 'object' || value === null) throw refused('an entry', value, 'it must be an object');
  const { channel, op, path, size, meta } = value as Record<string, unknown>;
  if (typeof channel !== 'string' || !channelForm.test(channel)) {
    throw refused(
      'channel',
      channel,
      'it must be one to four names with / between: a-z, 0-9, ., _ and -, up to 63 each',
    );
  }
  if (typeof op !== 'string' || !opForm.test(op)) {
    throw refused(`op in ${channel}`, op, 'it must be up to 32 of a-z, 0-9 and -, a letter first');
  }
  if (size !== undefined && !(Number.isSafeInteger(size) && (size as number) >= 0)) {
    throw refused(`size in ${channel}`, size, 'it must be a whole number of bytes');
  }
  if (meta !== undefined && Buffer.byteLength(JSON.stringify(meta)) > metaLimit) {
    throw new Fault(
      'InvalidArgument',
      `transfer refused: meta of ${op} in ${channel} has more than ${metaLimit} bytes; put it into the body`,
    );
  }
  return {
    channel,
    op,
    ...(path === undefined ? {} : { path: checkPath(path) }),
    ...(size === undefined ? {} : { size: size as number }),
    ...(meta === undefined ? {} : { meta: meta as Json }),
  };
}

/** For errors. */
export function describe({ channel, op, path }: Entry): string {
  return path === undefined ? `${op} of ${channel}` : `${op} ${path} of ${channel}`;
}

/** @throws Fault InvalidArgument unless it stays below the directory that it is meant for, whatever that is */
export function checkPath(path: unknown): string {
  const wrong = typeof path === 'string' ? wrongWith(path) : 'it must be a string';
  if (wrong !== undefined) throw refused('path', path, wrong);
  return path as string;
}

function wrongWith(path: string): string | undefined {
  if (path === '') return 'it must not be empty';
  if (path.startsWith('/')) return 'it must be relative';
  if (path.includes('\0')) return 'it must not hold NUL';
  if (Buffer.byteLength(path) > 4095) return 'it must be at most 4,095 bytes long';
  for (const name of path.split('/')) {
    if (name === '' || name === '.' || name === '..') return 'no part of it may be empty, "." or ".."';
    if (Buffer.byteLength(name) > 255) return 'no part of it may be longer than 255 bytes';
  }
  return undefined;
}

/** Of a barrier. */
export function checkName(name: unknown): string {
  if (typeof name === 'string' && opForm.test(name)) return name;
  throw refused('name of a barrier', name, 'it must be up to 32 of a-z, 0-9 and -, a letter first');
}

function refused(what: string, value: unknown, rule: string): Fault {
  const shown = (JSON.stringify(value) ?? 'undefined').slice(0, 120);
  return new Fault('InvalidArgument', `transfer refused: ${what} is ${shown}, but ${rule}`);
}
