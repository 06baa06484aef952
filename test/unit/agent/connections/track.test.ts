import { describe, expect, it } from 'vitest';
import type { Kept, Move } from '../../../../agent/connections/connection.ts';
import { liveOf, parseTracks } from '../../../../agent/connections/track.ts';

const moves: Move[] = [{ family: 'ip', from: '10.99.0.2', to: '10.99.0.3' }];
const kept: Kept = {
  local: { address: '10.99.0.2', port: 80 },
  remote: { address: '10.99.0.1', port: 40_000 },
  port: 40_000,
};

function line(state: string, { sport = 58_748, bytes = 393, seconds = 7 } = {}): string {
  return `ipv4     2 tcp      6 119 ${state} src=10.99.0.1 dst=10.99.0.2 sport=${sport} dport=80 packets=6 bytes=${bytes} src=10.99.0.3 dst=10.99.0.2 sport=80 dport=28831 packets=5 bytes=1052 [ASSURED] mark=0 zone=0 delta-time=${seconds} use=2\n`;
}

describe('the kernel’s table of connections', () => {
  it('is read as Linux 6 writes it', () => {
    expect(
      parseTracks(`${line('ESTABLISHED')}ipv4     2 udp      17 29 src=1.2.3.4 dst=1.2.3.4 sport=1 dport=2\n`),
    ).toEqual([
      {
        state: 'ESTABLISHED',
        from: '10.99.0.1',
        fromPort: 58_748,
        to: '10.99.0.2',
        toPort: 80,
        answerFrom: '10.99.0.3',
        answerFromPort: 80,
        answerTo: '10.99.0.2',
        answerToPort: 28_831,
        bytes: 1_445,
        seconds: 7,
      },
    ]);
  });

  it('writes IPv6 in full, and not every kernel counts', () => {
    const full = (last: number) => `fd00:0000:0000:0000:0000:0000:0000:000${last}`;
    const text = `ipv6     10 tcp      6 55 SYN_RECV src=${full(1)} dst=${full(2)} sport=1 dport=80 src=${full(3)} dst=${full(2)} sport=80 dport=2 mark=0 use=2\n`;
    expect(parseTracks(text)).toMatchObject([{ from: 'fd00::1', answerFrom: 'fd00::3', bytes: 0, seconds: undefined }]);
  });
});

describe('what still goes by way of the source', () => {
  const look = (text: string, heard = new Set<string>()) => liveOf(parseTracks(text), { kept: [kept], moves }, heard);

  it('is a kept connection of which nobody has heard yet', () => {
    expect(look('')).toEqual({ kept: [kept], forwarded: [], bytes: 0, oldestSeconds: 0 });
  });

  it.each(['TIME_WAIT', 'CLOSE'])('is not one that has ended: %s', (state) => {
    expect(look(line(state, { sport: 40_000 })).kept).toEqual([]);
  });

  it('is one of which one end has said all, unless the other had done so before', () => {
    const closing = line('CLOSE_WAIT', { sport: 40_000 });
    expect(look(closing).kept).toEqual([kept]);
    const half = { ...kept, halfClosed: true };
    expect(liveOf(parseTracks(closing), { kept: [half], moves }, new Set()).kept).toEqual([]);
    expect(liveOf(parseTracks(line('FIN_WAIT', { sport: 40_000 })), { kept: [half], moves }, new Set()).kept).toEqual([
      half,
    ]);
  });

  it('is not one that was heard of and has gone', () => {
    const heard = new Set<string>();
    expect(look(line('ESTABLISHED', { sport: 40_000 }), heard).kept).toEqual([kept]);
    expect(look('', heard).kept).toEqual([]);
  });

  it('is a kept one whose pod spoke first', () => {
    const text =
      'ipv4     2 tcp      6 119 ESTABLISHED src=10.99.0.3 dst=10.99.0.2 sport=80 dport=40000 packets=1 bytes=40 src=10.99.0.1 dst=10.99.0.2 sport=40000 dport=80 packets=1 bytes=60 mark=0 use=2\n';
    expect(look(text)).toMatchObject({ kept: [kept], forwarded: [], bytes: 100 });
  });

  it('is what was forwarded since, with the port that the target sees', () => {
    const { forwarded, bytes, oldestSeconds } = look(
      line('ESTABLISHED') + line('TIME_WAIT', { sport: 58_749, seconds: 99 }),
    );
    expect(forwarded).toEqual([
      { local: { address: '10.99.0.2', port: 80 }, remote: { address: '10.99.0.1', port: 58_748 }, port: 28_831 },
    ]);
    expect([bytes, oldestSeconds]).toEqual([2_890, 7]);
  });
});
