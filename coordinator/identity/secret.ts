/** Authorities as they stand in a Secret: its fields, in PEM, and the times beside them. */
import { Fault } from '../../proto/fault.ts';
import { bundleOf, certificatesIn } from '../../proto/bundle.ts';
import { openSigner, type Pair, validityOf } from './certificate.ts';
import type { Dated, Standing } from './decide.ts';

/** Decoded. */
export type Fields = Readonly<Record<string, string>>;

/** `tls.crt` and `tls.key` are named as in every Secret of type kubernetes.io/tls. */
export function fieldsOf({ present, next, former }: Standing): Fields {
  const times = {
    longestCertificateMs: present.longestMs,
    ...(next?.announcedAt !== undefined && { nextAnnouncedAt: new Date(next.announcedAt).toISOString() }),
    // In the order of former.crt.
    formerUntil: former.map(({ until }) => new Date(until).toISOString()),
  };
  return {
    'tls.crt': present.certificate,
    'tls.key': present.key,
    ...(next && { 'next.crt': next.certificate, 'next.key': next.key }),
    ...(former.length > 0 && { 'former.crt': former.map(({ certificate }) => certificate).join('') }),
    'times.json': `${JSON.stringify(times)}\n`,
  };
}

/**
 * @param name of the Secret, for errors
 * @throws Fault InvalidArgument: what cannot be read is never written over
 */
export function standingOf(fields: Fields, name: string): Standing {
  try {
    const times = JSON.parse(field(fields, 'times.json')) as Times;
    const formerUntil = times.formerUntil.map(timeOf);
    const former = certificatesIn(fields['former.crt'] ?? '').map((certificate, at) => ({
      certificate: bundleOf(certificate),
      until: formerUntil[at] ?? validityOf(certificate).until,
    }));
    const next = fields['next.crt'] === undefined ? undefined : dated(pairIn(fields, 'next'));
    const { longestCertificateMs: longestMs, nextAnnouncedAt: announced } = times;
    if (!Number.isFinite(longestMs)) throw new Error('times.json does not say how long a certificate lives');
    const announcedAt = announced === undefined ? undefined : timeOf(announced);
    return {
      present: { ...dated(pairIn(fields, 'tls')), longestMs },
      next: next === undefined ? undefined : { ...next, announcedAt },
      former,
    };
  } catch (error) {
    const remedy = 'put back what was there, or delete it: then another authority is made, which nobody trusts yet';
    const { message } = error as Error;
    throw new Fault('InvalidArgument', `Secret ${name} does not hold an authority of Podferry: ${message}: ${remedy}`, {
      cause: error,
    });
  }
}

interface Times {
  longestCertificateMs: number;
  nextAnnouncedAt?: string;
  formerUntil: readonly string[];
}

/** @throws Error when a field is missing */
export function pairIn(fields: Fields, name: string): Pair {
  return { certificate: field(fields, `${name}.crt`), key: field(fields, `${name}.key`) };
}

function dated(pair: Pair): Dated {
  return { ...pair, validity: openSigner(pair).validity };
}

function field(fields: Fields, name: string): string {
  const text = fields[name];
  if (text === undefined || text === '') throw new Error(`it has no ${name}`);
  return text;
}

function timeOf(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`${JSON.stringify(text)} is not a time`);
  return time;
}
