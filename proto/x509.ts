/** The library that makes certificates and requests, with what it needs to be there before it, and the keys that we make. */
import { createPrivateKey, webcrypto } from 'node:crypto';
// oxlint-disable-next-line no-unassigned-import -- it is there for what it does to the globals
import 'reflect-metadata';

export * from '@peculiar/x509';

/** What keys of ours are. */
export const elliptic = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(elliptic, true, ['sign', 'verify']);
}

export async function keyInPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return String(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }));
}
