import { describe, expect, it } from 'vitest';
import type { Connection, Move } from '../../../../agent/connections/connection.ts';
import { keep, lowestKeptPort } from '../../../../agent/connections/keep.ts';
import { movesOf } from '../../../../agent/connections/moves.ts';

const moves: Move[] = [
  { family: 'ip', from: '10.88.1.2', to: '10.88.2.2' },
  { family: 'ip6', from: 'fd00:1::2', to: 'fd00:2::2' },
];

function between(local: string, localPort: number, remote: string, remotePort: number): Connection {
  return { local: { address: local, port: localPort }, remote: { address: remote, port: remotePort } };
}

describe('the connections that a pod takes along', () => {
  it('know their peers by the ports that those have', () => {
    const connections = [between('10.88.1.2', 6379, '10.0.0.7', 40_000), between('fd00:1::2', 6379, 'fd00::7', 50_000)];
    expect(keep(connections, moves).map(({ port }) => port)).toEqual([40_000, 50_000]);
  });

  it('tell two peers with the same port apart, and the one that has it keeps it', () => {
    const connections = ['10.0.0.7', '10.0.0.8', '10.0.0.9'].map((peer) => between('10.88.1.2', 80, peer, 65_535));
    expect(keep(connections, moves).map(({ port }) => port)).toEqual([65_535, lowestKeptPort, lowestKeptPort + 1]);
  });

  it('have no ports that new connections may get', () => {
    const connections = [
      between('10.88.1.2', 41_000, '10.0.0.7', 5432),
      between('10.88.1.2', 42_000, '10.0.0.7', 5432),
    ];
    // Each of the pod's own ports has them all.
    expect(keep(connections, moves).map(({ port }) => port)).toEqual([lowestKeptPort, lowestKeptPort]);
  });

  it('are those with others alone', () => {
    const connections = [
      between('127.0.0.1', 80, '127.0.0.1', 40_000),
      between('10.88.1.2', 80, '10.88.1.2', 40_000),
      between('fd00:1::2', 80, 'fd00:1::2', 40_000),
      between('10.99.0.1', 80, '10.0.0.7', 40_000),
    ];
    expect(keep(connections, moves)).toEqual([]);
  });

  it('are refused where there are more than ports', () => {
    const connections = Array.from({ length: 65_536 - lowestKeptPort + 1 }, (_, at) =>
      between('10.88.1.2', 80, `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`, 1_024),
    );
    expect(() => keep(connections, moves)).toThrow('port 80 has more connections');
    expect(keep(connections.slice(1), moves)).toHaveLength(connections.length - 1);
  });
});

describe('where addresses move to', () => {
  it('is the target’s of the same version', () => {
    expect(movesOf(['10.88.1.2', 'fd00:1::2'], ['fd00:2::2', '10.88.2.2'])).toEqual(moves);
    expect(movesOf(['10.88.1.2'], ['10.88.2.2', 'fd00:2::2'])).toEqual(moves.slice(0, 1));
  });

  it('has to be there', () => {
    expect(() => movesOf(['10.88.1.2', 'fd00:1::2'], ['10.88.2.2'])).toThrow(
      'fd00:1::2, but at the target only 10.88.2.2',
    );
    expect(() => movesOf([], ['10.88.2.2'])).toThrow('no address that could be forwarded');
  });
});
