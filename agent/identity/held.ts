/** What this agent has: three files that change at once, and whether they are good for anything. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { bundleOf, certificatesIn, requireAuthorities } from '../../proto/bundle.ts';
import { agentName } from '../../proto/identity.ts';
import { roleOfNames } from '../../proto/role.ts';

/** In PEM. */
export interface Held {
  key: string;
  /** And what leads from it to one that is trusted. */
  certificate: string;
  trust: string;
}

export interface Usable extends Held {
  /** Milliseconds since 1970. */
  from: number;
  until: number;
}

/**
 * What the peers will look at, looked at first.
 * @throws Error
 */
export function check(held: Held, node: string, now: number): Usable {
  const { key, certificate, trust } = held;
  const [own, ...between] = certificatesIn(certificate).map((each) => new X509Certificate(each));
  if (own === undefined) throw new Error('there is no certificate');
  if (!own.checkPrivateKey(createPrivateKey(key))) throw new Error('the certificate is for another key');
  const role = roleOfNames(own.subjectAltName);
  if (role?.kind !== 'agent' || role.node !== node) {
    const names = own.subjectAltName ?? 'nobody';
    throw new Error(`the certificate is for ${names}, but this agent is ${agentName(node)}: is --node its pod’s node?`);
  }
  requireAuthorities(trust, 'the trust');
  const roots = certificatesIn(trust).map((each) => new X509Certificate(each));
  if (!leadsTo(own, between, roots)) throw new Error('the certificate is of an authority that is not trusted here');
  const [from, until] = [own.validFromDate.getTime(), own.validToDate.getTime()];
  if (now < from || now >= until) {
    const span = `from ${own.validFromDate.toISOString()} to ${own.validToDate.toISOString()}`;
    throw new Error(`the certificate is good ${span}, and it is ${new Date(now).toISOString()}: do the clocks agree?`);
  }
  return { ...held, from, until };
}

/** By way of some that lie between. */
function leadsTo(
  certificate: X509Certificate,
  between: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): boolean {
  const isOf = (by: X509Certificate) => certificate.checkIssued(by) && certificate.verify(by.publicKey);
  if (roots.some(isOf)) return true;
  return between.some((by, at) => by.ca && isOf(by) && leadsTo(by, between.toSpliced(at, 1), roots));
}

const names = { trust: 'ca.crt', certificate: 'tls.crt', key: 'tls.key' } as const;
/** As kubelet lays out a volume: the files are links into a directory, which a link names that is replaced at once. */
const data = '..data';
const generation = '..identity-';

export function write(directory: string, held: Held): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const fresh = mkdtempSync(join(directory, generation));
  for (const [part, name] of Object.entries(names) as [keyof Held, string][])
    writeFileSync(join(fresh, name), held[part], { mode: 0o600 });
  replaceLink(basename(fresh), join(directory, data));
  for (const name of Object.values(names))
    if (!isLinked(join(directory, name))) replaceLink(join(data, name), join(directory, name));
  for (const entry of readdirSync(directory))
    if (entry.startsWith(generation) && entry !== basename(fresh)) rmSync(join(directory, entry), { recursive: true });
}

function replaceLink(to: string, path: string): void {
  rmSync(`${path}.new`, { force: true });
  symlinkSync(to, `${path}.new`);
  renameSync(`${path}.new`, path);
}

function isLinked(path: string): boolean {
  try {
    return readlinkSync(path) === join(data, basename(path));
  } catch {
    return false;
  }
}

/** What an earlier life of this agent has left. @throws Error when it is good for nothing */
export function read(directory: string, node: string, now: number): Usable {
  const part = (name: string) => readFileSync(join(directory, name), 'utf8');
  const held = { key: part(names.key), certificate: part(names.certificate), trust: bundleOf(part(names.trust)) };
  return check(held, node, now);
}
