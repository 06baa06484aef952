/** What the rules say; that nftables takes them, and what they do, the lab's tests show. */
import { describe, expect, it } from 'vitest';
import type { Kept, Move } from '../../../../agent/connections/connection.ts';
import * as rules from '../../../../agent/connections/rules.ts';
import type { Socket } from '../../../../agent/connections/sockets.ts';

const moves: Move[] = [
  { family: 'ip', from: '10.88.1.2', to: '10.88.2.2' },
  { family: 'ip6', from: 'fd00:1::2', to: 'fd00:2::2' },
];
const kept: Kept[] = [
  { local: { address: '10.88.1.2', port: 80 }, remote: { address: '10.0.0.7', port: 40_000 }, port: 40_001 },
  { local: { address: 'fd00:1::2', port: 80 }, remote: { address: 'fd00::7', port: 50_000 }, port: 50_000 },
];

/** Elements of a map or set, as they are added. */
function elements(ruleset: string, where: string): string[] {
  const [, inside = ''] = new RegExp(`add element ${where} \\{ (.*) \\}`).exec(ruleset) ?? [];
  return inside === '' ? [] : inside.split(', ');
}

describe('a kept connection', () => {
  const ruleset = rules.keepThese(kept, [], moves);

  it('is translated in both directions, whoever speaks first', () => {
    expect(elements(ruleset, 'ip podferry arriving')).toEqual([
      '10.0.0.7 . 40000 . 80 : 10.88.2.2 . 80',
      '10.88.2.2 . 80 . 40001 : 10.0.0.7 . 40000',
    ]);
    expect(elements(ruleset, 'ip podferry leaving')).toEqual([
      '10.0.0.7 . 40000 . 10.88.2.2 . 80 : 10.88.1.2 . 40001',
      '10.88.2.2 . 80 . 10.0.0.7 . 40000 : 10.88.1.2 . 80',
    ]);
  });

  it('is in the maps of its own IP version alone', () => {
    expect(elements(ruleset, 'ip6 podferry arriving')).toEqual([
      'fd00::7 . 50000 . 80 : fd00:2::2 . 80',
      'fd00:2::2 . 80 . 50000 : fd00::7 . 50000',
    ]);
    expect(elements(ruleset, 'ip6 podferry kept')).toEqual(['fd00::7 . 50000 . 80']);
  });

  it('is tracked from the moment on from which it is known, in the same transaction', () => {
    expect(rules.stayUntracked(moves)).toMatch(/ip daddr 10\.88\.1\.2 tcp flags .* notrack/);
    for (const { family } of moves) expect(ruleset).toContain(`flush chain ${family} podferry raw`);
  });
});

it('datagrams are held with new connections, while what is open goes on', () => {
  const ruleset = rules.holdNew('eth0', moves);
  for (const { family, from } of moves) {
    expect(ruleset).toContain(`${family} daddr ${from} meta l4proto udp fwd to "${rules.plugDevice}"`);
    expect(ruleset).not.toContain(`${family} daddr ${from} meta l4proto tcp fwd`);
  }
});

it('what comes when the target runs goes by itself, but for first packets, which take turns', () => {
  expect(rules.holdFirst(moves.slice(0, 1)).trim().split('\n')).toEqual([
    'flush chain netdev podferry ingress',
    'add rule netdev podferry ingress ip saddr 10.88.2.2 accept',
    expect.stringMatching(/ ip daddr 10\.88\.1\.2 tcp flags .* == syn fwd to "podferry0"$/),
  ]);
});

it('what the pod has closed is left to its old kernel', () => {
  const closed: Socket = {
    local: { address: '10.88.1.2', port: 80 },
    remote: { address: '10.0.0.9', port: 41_000 },
    state: 'fin-wait-1',
    receiveQueue: 0,
    isOrphan: true,
  };
  expect(elements(rules.keepThese([], [closed], moves), 'ip podferry finishing')).toEqual(['10.0.0.9 . 41000 . 80']);
});

it('without a plug what comes is dropped until the target runs, but for first packets', () => {
  expect(rules.redirect(moves, { keeps: true, plugged: true })).not.toContain('chain gap');
  const ruleset = rules.redirect(moves, { keeps: true, plugged: false });
  expect(ruleset).toMatch(/ip daddr 10\.88\.1\.2 ip saddr != 10\.88\.2\.2 .* != syn drop/);
  expect(rules.passOn(moves)).toBe('flush chain ip podferry gap\nflush chain ip6 podferry gap\n');
});

it('nothing is forwarded but what is translated', () => {
  const ruleset = rules.redirect(moves.slice(0, 1), { keeps: true, plugged: true });
  const [, forward = ''] = /chain forward \{([^}]*)\}/.exec(ruleset) ?? [];
  expect(
    forward
      .trim()
      .split('\n')
      .map((line) => line.trim()),
  ).toEqual(['type filter hook forward priority filter; policy drop', 'ct status dnat accept']);
});

it('new connections are given ports that no kept one has', () => {
  const [, range = ''] = /masquerade to :(\d+-\d+)/.exec(rules.redirect(moves, { keeps: true, plugged: true })) ?? [];
  expect(range).toBe('1024-29999');
});
