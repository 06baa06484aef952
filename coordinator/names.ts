/**
 * What a name may look like, checked in this one place by the coordinator and by its clients. All of them become parts
 * of host names, paths or commands somewhere, so nothing else gets in.
 */
import { Fault } from '../proto/fault.ts';

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const dns1123Label = new RegExp(`^${label}$`);
const dns1123Subdomain = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`);
const uid = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;

const rules = {
  migration: { pattern: dns1123Label, allowed: 'at most 63 of a-z, 0-9 and -, not - at either end' },
  namespace: { pattern: dns1123Label, allowed: 'at most 63 of a-z, 0-9 and -, not - at either end' },
  pod: {
    pattern: dns1123Subdomain,
    allowed: 'at most 253 of a-z, 0-9, - and ., each part with a letter or digit at either end',
  },
  checkpoint: {
    pattern: dns1123Subdomain,
    allowed: 'at most 253 of a-z, 0-9, - and ., each part with a letter or digit at either end',
  },
  node: {
    pattern: dns1123Subdomain,
    allowed: 'at most 253 of a-z, 0-9, - and ., each part with a letter or digit at either end',
  },
  uid: { pattern: uid, allowed: 'at most 64 letters, digits and -' },
} as const;

export type NameKind = keyof typeof rules;

/** @returns what is wrong with the name, or undefined */
export function mistakeIn(kind: NameKind, value: string): string | undefined {
  const { pattern, allowed } = rules[kind];
  if (pattern.test(value)) return undefined;
  if (value === '') return `${kind}: a name is missing`;
  // A hostile name may be megabytes long.
  const shown = JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  return `${kind} ${shown} is not a name: use ${allowed}`;
}

/** @throws Fault InvalidArgument */
export function checkName(kind: NameKind, value: string): string {
  const mistake = mistakeIn(kind, value);
  if (mistake !== undefined) throw new Fault('InvalidArgument', mistake);
  return value;
}
