/** Certificates one after the other, as a file of all that is to be trusted has them. */
import { X509Certificate } from 'node:crypto';

const block = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

export function certificatesIn(text: string): string[] {
  return [...text.matchAll(block)].map(([certificate]) => certificate);
}

/** Each certificate once, in the order in which they come first. @throws what cannot be read as a certificate */
export function bundleOf(...texts: readonly string[]): string {
  const known = new Map<string, string>();
  for (const certificate of texts.flatMap(certificatesIn)) {
    const { fingerprint256, raw } = new X509Certificate(certificate);
    if (!known.has(fingerprint256)) known.set(fingerprint256, armoured(raw));
  }
  return [...known.values()].join('');
}

/** Node's own PEM of it, so that two spellings of a certificate are one. */
function armoured(der: Buffer): string {
  const lines = der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** An empty one would mean "all that the machine trusts". */
export function requireAuthorities(bundle: string, name: string): void {
  const all = certificatesIn(bundle);
  if (all.length === 0) throw new Error(`${name} holds no certificate`);
  for (const each of all) {
    const { ca, subject } = new X509Certificate(each);
    if (!ca) throw new Error(`${name} is not of authorities alone: ${subject.replaceAll('\n', ', ')} is none`);
  }
}
