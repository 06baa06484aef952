/** A new key, and the request that shows that it is ours. */
import * as x509 from '../../proto/x509.ts';

export interface Wish {
  /** PEM. */
  key: string;
  /** PKCS #10, in DER. */
  request: Buffer;
}

export async function makeRequest(): Promise<Wish> {
  const keys = await x509.makeKeys();
  // Who we are is not ours to say: the request has no name.
  const made = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: x509.elliptic });
  return { key: await x509.keyInPem(keys.privateKey), request: Buffer.from(made.rawData) };
}
