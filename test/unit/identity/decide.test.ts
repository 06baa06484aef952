/** One authority follows another over years, as it is decided; nobody ever meets a certificate that it does not trust. */
import { describe, expect, it } from 'vitest';
import {
  begin,
  type Dated,
  decide,
  prepare,
  skewOf,
  type Spans,
  type Standing,
  trusted,
  validityAt,
} from '../../../coordinator/identity/decide.ts';
import { checkSpans } from '../../../coordinator/identity/own.ts';

const hour = 3_600_000;
const spans: Spans = { authorityMs: 90 * hour, certificateMs: 6 * hour, delayMs: hour / 6 };
const step = hour / 12;

let made = 0;
function make(now: number, of = spans): Dated {
  made += 1;
  return { certificate: `authority ${made}`, key: `key ${made}`, validity: validityAt(now, of) };
}

/** One round of a leader: what it decides until there is nothing more to do. */
function round(now: number, standing: Standing | undefined, of = spans): { standing: Standing; moves: string[] } {
  const moves: string[] = [];
  for (let current = standing; ; ) {
    const move = decide(now, current, of);
    if (move.kind === 'wait') return { standing: current as Standing, moves };
    moves.push(move.kind === 'write' ? move.what : move.kind);
    if (move.kind === 'write') current = move.standing;
    else if (move.kind === 'make') current = begin(now, current, make(now, of), of);
    else current = prepare(current as Standing, make(now, of));
  }
}

describe('over a long time', () => {
  it('everybody trusts whom it meets, however late it hears of changes within the delay', () => {
    /** What was to be trusted, by step. */
    const published: string[][] = [];
    const certificates: { by: string; until: number }[] = [];
    const order: string[] = [];
    const lags = [0, Math.floor((spans.delayMs * 0.9) / step)];
    let standing: Standing | undefined;
    for (let at = 0; at < 5_000; at += 1) {
      const now = at * step;
      const { standing: next, moves } = round(now, standing);
      standing = next;
      order.push(...moves);
      published.push(trusted(standing));
      const { present } = standing;
      certificates.push({
        by: present.certificate,
        until: Math.min(now + spans.certificateMs, present.validity.until),
      });
      const alive = certificates.filter(({ until }) => now < until);
      const met = new Set(alive.map(({ by }) => by));
      for (const lag of lags) {
        const known = published[Math.max(0, at - lag)] ?? [];
        for (const by of met) expect(known, `${by} after ${now / hour} h`).toContain(by);
      }
      expect(known(standing)).toBeLessThanOrEqual(3);
    }
    expect(order.slice(0, 5)).toEqual(['make', 'prepare', 'announced', 'turn', 'forget']);
    expect(order.slice(-4).filter((move) => move === 'make')).toEqual([]);
    expect(order.filter((move) => move === 'turn').length).toBeGreaterThan(5);
  });

  const known = (standing: Standing) => new Set(trusted(standing)).size;
});

describe('a decision', () => {
  const first = () => round(0, undefined).standing;
  const due = (spans.authorityMs * 2) / 3;

  it('is to leave alone what is young', () => {
    expect(round(due - hour, first()).moves).toEqual([]);
  });

  it('is to announce, and to wait for as long as it takes to reach everybody', () => {
    const { standing, moves } = round(due, first());
    expect(moves).toEqual(['prepare', 'announced']);
    expect(round(due + spans.delayMs - 1, standing).moves).toEqual([]);
    const turned = round(due + spans.delayMs, standing);
    expect(turned.moves).toEqual(['turn']);
    expect(turned.standing.present.certificate).toBe(standing.next?.certificate);
    // Its key is not kept.
    expect(JSON.stringify(turned.standing)).not.toContain(standing.present.key);
  });

  it('counts the delay from when the announcement was published, not from when it was made', () => {
    const prepared = prepare(first(), make(due));
    const { standing } = round(due + 5 * hour, prepared);
    expect(standing.next?.announcedAt).toBe(due + 5 * hour);
  });

  it('is to forget when the last certificate is over, and not before', () => {
    const announced = round(due, first()).standing;
    const turned = round(due + spans.delayMs, announced).standing;
    const over = due + spans.delayMs + spans.certificateMs + skewOf(spans);
    expect(round(over - 1, turned).moves).toEqual([]);
    expect(round(over, turned).moves).toEqual(['forget']);
  });

  it('remembers the longest life that a certificate may have, also when it is shorter by now', () => {
    const shorter = { ...spans, certificateMs: hour };
    const announced = round(due, first()).standing;
    const turned = round(due + spans.delayMs, announced, shorter).standing;
    expect(turned.former[0]?.until).toBe(due + spans.delayMs + spans.certificateMs + skewOf(spans));
    const longer = { ...spans, certificateMs: 10 * hour };
    expect(round(1, first(), longer).moves).toEqual(['lengthen']);
  });

  it('of a cluster that slept for too long is to begin anew; what was announced before takes its turn', () => {
    const { moves, standing } = round(2 * spans.authorityMs, first());
    expect(moves).toEqual(['make']);
    expect(known(standing)).toBe(1);
    const announced = round(due, first()).standing;
    expect(round(spans.authorityMs + 1, announced).moves[0]).toBe('turn');
  });

  const known = (standing: Standing) => trusted(standing).length;
});

it('spans that leave no time to follow each other are refused', () => {
  checkSpans(spans);
  expect(() => checkSpans({ ...spans, authorityMs: 18 * hour })).toThrow(/--authority-lifetime: .*three times/);
});
