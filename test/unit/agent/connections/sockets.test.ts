import { describe, expect, it } from 'vitest';
import {
  isArriving,
  isFinishing,
  isHalfClosed,
  isUnaccepted,
  isUnread,
  parseSockets,
  socketsOf,
} from '../../../../agent/connections/sockets.ts';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { connect, createServer, type AddressInfo } from 'node:net';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const line = (local: string, remote: string, state: string, queue: string, inode: number) =>
  `   0: ${local} ${remote} ${state} ${queue} 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;

describe('sockets as /proc shows them', () => {
  it('are read with their addresses in the usual notation', () => {
    const [socket] = parseSockets(head + line('0201580A:18EB', '0700000A:9C40', '01', '00000000:00000010', 77));
    expect(socket).toEqual({
      local: { address: '10.88.1.2', port: 6379 },
      remote: { address: '10.0.0.7', port: 40_000 },
      state: 'established',
      receiveQueue: 16,
      isOrphan: false,
    });
  });

  it('know IPv6, and IPv4 in its clothes', () => {
    const mapped = '0000000000000000FFFF00000201580A:0050';
    const [first, second] = parseSockets(
      head +
        line(
          '000000FD000000000000000002000000:0050',
          '000000FD000000000000000007000000:C350',
          '08',
          '00000000:00000000',
          1,
        ) +
        line(mapped, mapped, '01', '00000000:00000000', 1),
    );
    expect([first?.local, first?.remote.address, first?.state]).toEqual([
      { address: 'fd00::2', port: 80 },
      'fd00::7',
      'close-wait',
    ]);
    expect(second?.local).toEqual({ address: '10.88.1.2', port: 80 });
  });

  it('tell who is just arriving, who was never accepted, and what the kernel finishes alone', () => {
    const zero = '00000000:00000000';
    const [waits, idle, handshake, queued, done, owned] = parseSockets(
      head +
        line('00000000:0050', '00000000:0000', '0A', '00000000:00000002', 5) +
        line('00000000:0051', '00000000:0000', '0A', zero, 5) +
        line('0201580A:0050', '0700000A:9C40', '03', zero, 0) +
        line('0201580A:0050', '0700000A:9C41', '01', zero, 0) +
        line('0201580A:0050', '0700000A:9C42', '04', zero, 0) +
        line('0201580A:0050', '0700000A:9C43', '04', zero, 9),
    );
    const all = [waits, idle, handshake, queued, done, owned].filter((each) => each !== undefined);
    expect(all.map(isArriving)).toEqual([true, false, true, false, false, false]);
    expect(all.map(isUnaccepted)).toEqual([false, false, true, true, false, false]);
    expect(all.map(isFinishing)).toEqual([false, false, false, false, true, false]);
  });

  it('are those of the namespace of a real process', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    const mine = socketsOf(process.pid).filter(({ local, remote }) => local.port === port || remote.port === port);
    expect(mine.map(({ state }) => state).sort()).toEqual(['established', 'established', 'listen']);
    client.destroy();
    server.close();
  });

  it('tell whether a datagram has come that nobody has read', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    const mine = () => socketsOf(process.pid, 'udp').filter(({ local }) => local.port === port);
    expect(mine().map(isUnread)).toEqual([false]);
    // As long as this waits, nothing is read here.
    spawnSync('bash', ['-c', `echo >/dev/udp/127.0.0.1/${port}`]);
    expect(mine().map(isUnread)).toEqual([true]);
    await once(socket, 'message');
    expect(mine().map(isUnread)).toEqual([false]);
    socket.close();
  });
});

it.each([
  ['08', true],
  ['05', true],
  ['01', false],
  ['04', false],
])('state %s of a connection: one end has said all and is known to, %s', (state, half) => {
  const [socket] = parseSockets(head + line('0201580A:18EB', '0700000A:9C40', state, '00000000:00000000', 77));
  expect(socket && isHalfClosed(socket)).toBe(half);
});
