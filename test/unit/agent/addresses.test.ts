/** The addresses in CRIU's files.img. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { Connection, Endpoint } from '../../../agent/connections/connection.ts';
import { connectionsOf, moveAddresses } from '../../../agent/images/addresses.ts';
import { canonical, ipv4Family, ipv6Family, textOf, wordsFrom } from '../../../agent/connections/ip.ts';
import {
  type file_entry as FileEntry,
  fd_types as types,
  file_entrySchema,
} from '../../../proto/gen/criu/fdinfo_pb.ts';
import type { inet_sk_entrySchema } from '../../../proto/gen/criu/sk-inet_pb.ts';

const states = { established: 1, synSent: 2, close: 7, closeWait: 8, listen: 10 };
const [tcp, udp] = [6, 17];

function socket(isk: MessageInitShape<typeof inet_sk_entrySchema>): FileEntry {
  return create(file_entrySchema, { type: types.INETSK, id: 1, isk });
}

/** @param kind 'mapped': IPv4 in a socket of IPv6 */
function pair(
  local: string,
  remote: string,
  {
    state = states.established,
    proto = tcp,
    mapped = false,
  }: { state?: number; proto?: number; mapped?: boolean } = {},
): FileEntry {
  const [from = '', srcPort = ''] = local.split(/:(?=\d+$)/);
  const [to = '', dstPort = ''] = remote.split(/:(?=\d+$)/);
  const family = mapped || from.includes(':') ? ipv6Family : ipv4Family;
  const [srcAddr, dstAddr] = [wordsFrom(family, from), wordsFrom(family, to)];
  const ports = { srcPort: Number(srcPort), dstPort: Number(dstPort) };
  return socket({ family, type: proto === tcp ? 1 : 2, proto, state, srcAddr, dstAddr, ...ports });
}

/** What pair() was told. */
function told({ isk }: FileEntry): string {
  const { family = 0, srcAddr = [], dstAddr = [], srcPort, dstPort } = isk ?? {};
  return `${textOf(family, srcAddr)}:${srcPort} ${textOf(family, dstAddr)}:${dstPort}`;
}

const own = new Map([
  ['10.0.0.5', '10.1.0.9'],
  ['fd00:0::5', 'fd00:1::9'],
]);
/** Of a pod that has moved as well, with a port of its own. */
const elsewhere = ({ remote }: Connection): Endpoint =>
  remote.address === '10.0.0.7' ? { address: '10.1.0.20', port: 4000 } : remote;

describe('addresses', () => {
  // As a little-endian machine reads what inet_pton(3) writes.
  it.each([
    [ipv4Family, '10.0.0.5', [0x0500000a]],
    [ipv4Family, '255.254.1.2', [0x0201feff]],
    [ipv6Family, '10.0.0.5', [0, 0, 0xffff0000, 0x0500000a]],
    [ipv6Family, 'fd00::1:5', [0xfd, 0, 0, 0x05000100]],
    [ipv6Family, '::1', [0, 0, 0, 0x01000000]],
    [ipv6Family, '::', [0, 0, 0, 0]],
    [ipv6Family, '2001:db8:1:2:3:4:5:6', [0xb80d0120, 0x02000100, 0x04000300, 0x06000500]],
    [ipv6Family, '64:ff9b::c000:221', [0x9bff6400, 0, 0, 0x210200c0]],
  ])('family %i, %s', (family, text, words) => {
    expect(wordsFrom(family, text)).toEqual(words);
    expect(textOf(family, words)).toBe(text);
  });

  it.each([
    ['FD00:0:0::0005', 'fd00::5'],
    ['::ffff:10.0.0.5', '10.0.0.5'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['10.0.0.5', '10.0.0.5'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
  ])('%s is canonically %s', (address, text) => expect(canonical(address)).toBe(text));

  it('of a family or length that we do not know are none', () => {
    expect(textOf(1, [1, 2, 3, 4])).toBeUndefined();
    expect(textOf(ipv6Family, [1])).toBeUndefined();
    for (const address of ['pod', '', 'fe80::1%eth0']) {
      expect(() => wordsFrom(ipv6Family, address)).toThrow(expect.objectContaining({ reason: 'Internal' }));
    }
  });
});

describe('connections', () => {
  it('are the TCP sockets that have a peer', () => {
    const files = [
      pair('10.0.0.5:6379', '10.0.0.7:50000'),
      pair('0.0.0.0:6379', '0.0.0.0:0', { state: states.listen }),
      pair('10.0.0.5:1', '0.0.0.0:0', { state: states.close }),
      pair('10.0.0.5:2', '10.0.0.7:53', { proto: udp }),
      pair('10.0.0.5:3', '10.0.0.7:4', { state: states.synSent, mapped: true }),
      pair('fd00::5:3', 'fd00::7:4', { state: states.closeWait }),
      create(file_entrySchema, { type: types.REG, id: 4 }),
    ];
    expect(connectionsOf(files)).toEqual([
      { local: { address: '10.0.0.5', port: 6379 }, remote: { address: '10.0.0.7', port: 50000 } },
      { local: { address: '10.0.0.5', port: 3 }, remote: { address: '10.0.0.7', port: 4 } },
      { local: { address: 'fd00::5', port: 3 }, remote: { address: 'fd00::7', port: 4 } },
    ]);
  });
});

describe('moving', () => {
  it.each<[string, FileEntry, string]>([
    ['a connection', pair('10.0.0.5:1', '10.0.0.8:2'), '10.1.0.9:1 10.0.0.8:2'],
    ['a connection to what has moved', pair('10.0.0.5:1', '10.0.0.7:2'), '10.1.0.9:1 10.1.0.20:4000'],
    ['one of IPv4 in IPv6', pair('10.0.0.5:1', '10.0.0.7:2', { mapped: true }), '10.1.0.9:1 10.1.0.20:4000'],
    ['one of IPv6', pair('fd00::5:1', 'fd00::7:2'), 'fd00:1::9:1 fd00::7:2'],
    ['one to the pod itself', pair('10.0.0.5:1', '10.0.0.5:2'), '10.1.0.9:1 10.1.0.9:2'],
    ['a listener', pair('10.0.0.5:1', '0.0.0.0:0', { state: states.listen }), '10.1.0.9:1 0.0.0.0:0'],
    ['one that is only bound', pair('10.0.0.5:1', '0.0.0.0:0', { state: states.close }), '10.1.0.9:1 0.0.0.0:0'],
    ['UDP that is connected', pair('10.0.0.5:1', '10.0.0.7:53', { proto: udp }), '10.1.0.9:1 10.0.0.7:53'],
    ['a connection from elsewhere', pair('10.9.9.9:1', '10.0.0.7:2'), '10.9.9.9:1 10.1.0.20:4000'],
  ])('changes %s', (_what, file, expected) => {
    const { family, srcAddr } = { ...file.isk };
    expect(moveAddresses([file], own, elsewhere)).toBe(true);
    expect(told(file)).toBe(expected);
    expect(file.isk).toMatchObject({ family });
    expect(file.isk?.srcAddr).toHaveLength(srcAddr?.length ?? 0);
  });

  it.each<[string, FileEntry]>([
    ['what listens everywhere', pair('0.0.0.0:1', '0.0.0.0:0', { state: states.listen })],
    ['what listens everywhere, IPv6', pair(':::1', ':::0', { state: states.listen })],
    ['a connection over loopback', pair('127.0.0.1:1', '127.0.0.1:2')],
    ['a connection over loopback, IPv4 in IPv6', pair('127.0.1.1:1', '127.0.0.1:2', { mapped: true })],
    ['a connection over loopback, IPv6', pair('::1:1', '::1:2')],
    ['UDP that is bound nowhere', pair('0.0.0.0:1', '0.0.0.0:0', { proto: udp, state: states.close })],
    ['what is no socket', create(file_entrySchema, { type: types.REG, id: 4 })],
  ])('leaves %s', (_what, file) => {
    const before = structuredClone(file);
    const never = () => {
      throw new Error('nobody is to be asked');
    };
    expect(moveAddresses([file], own, never)).toBe(false);
    expect(structuredClone(file)).toEqual(before);
  });

  it('asks for a peer by what the connection was', () => {
    const asked: Connection[] = [];
    moveAddresses([pair('10.0.0.5:1', '10.0.0.7:2'), pair('10.0.0.5:3', '10.0.0.5:4')], own, (connection) => {
      asked.push(structuredClone(connection));
      return connection.remote;
    });
    expect(asked).toEqual([{ local: { address: '10.0.0.5', port: 1 }, remote: { address: '10.0.0.7', port: 2 } }]);
  });

  it('says nothing of an address that stays', () => {
    const stays = new Map([['10.0.0.5', '10.0.0.5']]);
    expect(moveAddresses([pair('10.0.0.5:1', '10.0.0.8:2')], stays, ({ remote }) => remote)).toBe(false);
  });

  it('refuses an address of another IP version', () => {
    const file = pair('10.0.0.5:1', '10.0.0.8:2');
    const toIpv6 = new Map([['10.0.0.5', 'fd00::9']]);
    const move = () => moveAddresses([file], toIpv6, ({ remote }) => remote);
    expect(move).toThrow(expect.objectContaining({ reason: 'Internal', message: expect.stringContaining('fd00::9') }));
    expect(told(file)).toBe('10.0.0.5:1 10.0.0.8:2');
  });
});
