/** What is said and kept quiet while two pods have one address; what it does, the flat lab's tests show. */
import { describe, expect, it } from 'vitest';
import * as rules from '../../../../agent/connections/address-rules.ts';
import type { Connection, Move } from '../../../../agent/connections/connection.ts';

const mac = '02:00:00:00:00:01';
const handOver = { device: 'eth0', mac, targetMac: '02:00:00:00:00:02' };
const moves: Move[] = [
  { family: 'ip', from: '10.88.0.7', to: '10.88.0.7' },
  { family: 'ip6', from: 'fd00:88::12:3456', to: 'fd00:88::12:3456' },
];
const closed: Connection = {
  local: { address: '10.88.0.7', port: 80 },
  remote: { address: '10.88.0.2', port: 40_000 },
};

function lines(ruleset: string, chain: string): string[] {
  const [, inside = ''] = new RegExp(`chain ${chain} \\{\\n([^}]*(?:\\{[^}]*\\}[^}]*)*?)\\n  \\}`).exec(ruleset) ?? [];
  return inside.split('\n').map((line) => line.trim());
}

describe('the target', () => {
  const silence = (wholly: boolean) =>
    lines(
      rules.silence(
        'mig-1',
        moves.map(({ from }) => from),
        { mac, wholly },
      ),
      'prerouting',
    ).slice(1);
  const probe = `ether saddr != ${mac} ip6 saddr :: ip6 daddr ff02::1:ff12:3456 icmpv6 type nd-neighbor-solicit drop`;

  it('is not heard at all before it is there, and nobody but the source’s link is', () => {
    expect(silence(true)).toEqual([
      `ether saddr != ${mac} arp saddr ip 10.88.0.7 drop`,
      `ether saddr != ${mac} ip saddr 10.88.0.7 drop`,
      `ether saddr != ${mac} ip6 saddr fd00:88::12:3456 drop`,
      probe,
    ]);
  });

  it('can ask, but neither answers nor announces anything, before it is the pod', () => {
    expect(silence(false)).toEqual([
      `ether saddr != ${mac} arp saddr ip 10.88.0.7 arp operation reply drop`,
      `ether saddr != ${mac} arp saddr ip 10.88.0.7 arp daddr ip 10.88.0.7 drop`,
      `ether saddr != ${mac} ip6 saddr fd00:88::12:3456 icmpv6 type nd-neighbor-advert drop`,
      probe,
    ]);
  });

  it.each([
    ['fd00:88::5', 'ff02::1:ff00:5'],
    ['fd00:88::', 'ff02::1:ff00:0'],
    ['2001:db8::ab:cdef', 'ff02::1:ffab:cdef'],
  ])('whether somebody has %s is asked at %s', (address, group) => {
    expect(rules.silence('m', [address], { mac, wholly: true })).toContain(`ip6 daddr ${group} `);
  });

  it('has rules of its own, which go as one', () => {
    expect(rules.silence('mig-1', ['10.88.0.7'], { mac, wholly: true })).toContain('table bridge podferry-mig-1 {');
    expect(rules.destroySilence('mig-1')).toMatch(/delete table bridge podferry-mig-1$/);
  });
});

describe('the source', () => {
  const onward = [
    `ip daddr 10.88.0.7 ether saddr set ${mac} ether daddr set ${handOver.targetMac} fwd to "eth0"`,
    `ip6 daddr fd00:88::12:3456 ether saddr set ${mac} ether daddr set ${handOver.targetMac} fwd to "eth0"`,
  ];

  it('says nothing more once it is frozen, but what it had closed, and nudges', () => {
    const ruleset = rules.leaveTo(moves, handOver, [closed]);
    expect(lines(ruleset, 'output').slice(1)).toEqual([
      'oif lo accept',
      'meta mark 7368548 accept',
      'ip daddr . tcp dport . tcp sport { 10.88.0.2 . 40000 . 80 } accept',
      'ip saddr 10.88.0.7 meta l4proto tcp drop',
    ]);
    expect(ruleset).toContain('table ip6 podferry {');
  });

  it('sends what is let go after the pod, from link to link, but for what is its own', () => {
    const own = 'ip saddr . tcp sport . tcp dport { 10.88.0.2 . 40000 . 80 } accept';
    expect(lines(rules.leaveTo(moves, handOver, [closed]), 'released').slice(1)).toEqual([own, ...onward]);
    expect(rules.leaveTo(moves, handOver, [closed])).toContain(`insert rule netdev podferry ingress ${own}\n`);
    expect(lines(rules.leaveTo(moves, handOver, []), 'released').slice(1)).toEqual(onward);
  });

  it('answers nobody who asks for the address, nor asks by it, when the target has it', () => {
    const ruleset = rules.passOver(moves, handOver, []);
    const coming = [...ruleset.matchAll(/add rule netdev podferry-passing coming (.*)/g)].map(([, rule]) => rule);
    expect(coming).toEqual([
      'arp operation request arp daddr ip 10.88.0.7 drop',
      'icmpv6 type nd-neighbor-solicit drop',
      ...onward,
    ]);
    expect(lines(ruleset, 'output').slice(1)).toEqual(['arp saddr ip 10.88.0.7 drop']);
    expect(ruleset).toMatch(/add rule ip6 podferry output icmpv6 .* drop/);
  });
});

it.each(['02:00:00:00:00:01', 'aa:bb:cc:dd:ee:ff'])('%s is the address of a link', (text) => {
  expect(rules.isMac(text)).toBe(true);
});

it.each(['', '02:00:00:00:00', '02:00:00:00:00:01 accept', '02:00:00:00:00:0G'])('%j is none', (text) => {
  expect(rules.isMac(text)).toBe(false);
});
