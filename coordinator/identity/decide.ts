/**
 * How one authority follows another, so that nobody meets a certificate that it does not trust:
 *
 * made → the next one is made → announced: it stands in what everybody trusts → after a delay, in which that has reached
 * everybody, it signs and the former one's key is gone → the former one is forgotten when all its certificates are over.
 *
 * Pure, and so is what comes of it.
 */
import type { Pair, Validity } from './certificate.ts';

/** Milliseconds. */
export interface Spans {
  /** How long an authority lives. */
  authorityMs: number;
  /** How long a certificate that it signs lives. */
  certificateMs: number;
  /** From the announcement of an authority until it signs. */
  delayMs: number;
}

export interface Dated extends Pair {
  validity: Validity;
}

export interface Present extends Dated {
  /** The longest life that a certificate of it may have; raised before anybody gets a longer one. */
  longestMs: number;
}

export interface Next extends Dated {
  /** Since when it stands in what everybody trusts. */
  announcedAt: number | undefined;
}

export interface Former {
  certificate: string;
  /** When the last certificate of it is over. */
  until: number;
}

/** All that there is of authorities. */
export interface Standing {
  present: Present;
  next: Next | undefined;
  former: readonly Former[];
}

export type Move =
  /** Nothing is to be done before then. */
  | { kind: 'wait' }
  /** A pair has to be made first: see begin() and prepare(). */
  | { kind: 'make' | 'prepare' }
  | { kind: 'write'; what: 'lengthen' | 'announced' | 'turn' | 'forget'; standing: Standing };

/** By how much the clocks of two machines may differ: certificates begin earlier by so much, and count so much longer. */
export function skewOf({ certificateMs }: Pick<Spans, 'certificateMs'>): number {
  return Math.min(5 * 60_000, Math.ceil(certificateMs / 4));
}

/** @param standing what is published by now; undefined: there is nothing yet */
export function decide(now: number, standing: Standing | undefined, spans: Spans): Move {
  if (standing === undefined) return { kind: 'make' };
  const { present, next, former } = standing;
  const isOver = now >= present.validity.until;
  // Everything that it signed is over, too: there is nobody left to be told.
  if (isOver && next === undefined) return { kind: 'make' };
  const write = (what: (Move & { kind: 'write' })['what'], changed: Partial<Standing>): Move => ({
    kind: 'write',
    what,
    standing: { ...standing, ...changed },
  });
  if (spans.certificateMs > present.longestMs)
    return write('lengthen', { present: { ...present, longestMs: spans.certificateMs } });
  if (next !== undefined) {
    if (next.announcedAt === undefined) return write('announced', { next: { ...next, announcedAt: now } });
    if (isOver || now >= next.announcedAt + spans.delayMs) return write('turn', turn(now, standing, next, spans));
  }
  const alive = former.filter(({ until }) => now < until);
  if (alive.length < former.length) return write('forget', { former: alive });
  const { from, until } = present.validity;
  if (next === undefined && now >= from + ((until - from) * 2) / 3) return { kind: 'prepare' };
  return { kind: 'wait' };
}

function turn(now: number, { present, former }: Standing, next: Next, spans: Spans): Standing {
  const { certificate, validity, longestMs } = present;
  const until = Math.min(validity.until, now + longestMs + skewOf({ certificateMs: longestMs }));
  const { announcedAt: _, ...pair } = next;
  return {
    present: { ...pair, longestMs: spans.certificateMs },
    next: undefined,
    former: [...former, { certificate, until }],
  };
}

/** What there is after `make`. Of the ones before it those are trusted that still may have certificates. */
export function begin(now: number, before: Standing | undefined, made: Dated, spans: Spans): Standing {
  const former = (before?.former ?? []).filter(({ until }) => now < until);
  return { present: { ...made, longestMs: spans.certificateMs }, next: undefined, former };
}

/** What there is after `prepare`. */
export function prepare(standing: Standing, made: Dated): Standing {
  return { ...standing, next: { ...made, announcedAt: undefined } };
}

/** Of a new authority. */
export function validityAt(now: number, { authorityMs, certificateMs }: Spans): Validity {
  return { from: now - skewOf({ certificateMs }), until: now + authorityMs };
}

/** The certificates of all that are to be trusted, the one that signs first. */
export function trusted({ present, next, former }: Standing): string[] {
  return [present, ...(next === undefined ? [] : [next]), ...former].map(({ certificate }) => certificate);
}
