/** A new key, and the request that shows that it is ours. */
import { createPrivateKey, webcrypto } from 'node:crypto';
import * as x509 from '../../proto/x509.ts';

export interface Wish {
  /** PEM. */
  key: string;
  /** PKCS #10, in DER. */
  request: Buffer;
}

const elliptic = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export async function makeRequest(): Promise<Wish> {
  const keys = await webcrypto.subtle.generateKey(elliptic, true, ['sign', 'verify']);
  // Who we are is not ours to say: the request has no name.
  const made = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: elliptic });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { key: String(key.export({ format: 'pem', type: 'pkcs8' })), request: Buffer.from(made.rawData) };
}
