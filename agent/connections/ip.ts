/**
 * IP addresses as CRIU has them: the 32-bit words of a socket address as they lie in memory, in network byte order, and
 * read by a machine that is little-endian, as all that we run on are. Pure.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { Fault } from '../../proto/fault.ts';

export const ipv4Family = 2;
export const ipv6Family = 10;

const wordsOf: Readonly<Record<number, number>> = { [ipv4Family]: 1, [ipv6Family]: 4 };
const mappedPrefix = '00000000000000000000ffff';

/** IPv4 dotted, IPv6 as RFC 5952 has it; undefined when it is neither. IPv4 in IPv6 (::ffff:a.b.c.d) is IPv4. */
export function textOf(family: number, words: readonly number[]): string | undefined {
  const count = wordsOf[family];
  if (count === undefined || words.length < count) return undefined;
  const bytes = Buffer.alloc(count * 4);
  for (const [at, word] of words.slice(0, count).entries()) bytes.writeUInt32LE(word, at * 4);
  const isMapped = bytes.toString('hex').startsWith(mappedPrefix);
  if (family === ipv4Family || isMapped) return bytes.subarray(-4).join('.');
  return canonical(bytes.toString('hex').replaceAll(/.{4}(?=.)/g, '$&:'));
}

/** @throws Fault Internal when a socket of this family cannot have it, or it is no address */
export function wordsFrom(family: number, address: string): number[] {
  const bytes = isIPv4(address)
    ? ipv4Bytes(address)
    : isIPv6(address) && !hasZone(address)
      ? ipv6Bytes(address)
      : undefined;
  if (bytes === undefined) throw new Fault('Internal', `${JSON.stringify(address)} is no IP address of a socket`);
  if (family === ipv6Family) return littleEndian(isIPv4(address) ? mapped(bytes) : bytes);
  if (isIPv4(address)) return littleEndian(bytes);
  throw new Fault('Internal', `a socket of IPv4 cannot be moved to ${address}: both must be of one IP version`);
}

/** So that two spellings are one; what is no address stays as it is. */
export function canonical(address: string): string {
  if (!isIPv6(address) || hasZone(address)) return address;
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const low = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text)?.slice(1);
  return low === undefined ? text : bytesOf(low).join('.');
}

export function isLoopback(address: string): boolean {
  return address === '::1' || (isIPv4(address) && address.startsWith('127.'));
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

function ipv6Bytes(address: string): Buffer {
  // By way of its canonical form: there IPv4 at the end is hexadecimal, too.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const before = head.split(':').filter(Boolean);
  const after = tail.split(':').filter(Boolean);
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return bytesOf(groups);
}

/** @param groups hexadecimal, of 16 bits each */
function bytesOf(groups: readonly string[]): Buffer {
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** fe80::1%eth0: of one link, and no address of a pod. */
function hasZone(address: string): boolean {
  return address.includes('%');
}

function mapped(ipv4: Buffer): Buffer {
  return Buffer.concat([Buffer.from(mappedPrefix, 'hex'), ipv4]);
}

function littleEndian(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readUInt32LE(at * 4));
}
