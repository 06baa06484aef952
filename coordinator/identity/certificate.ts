/** X.509: what an authority's certificate, an agent's and the coordinator's look like. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate as Certificate } from 'node:crypto';
import { bundleOf, certificatesIn } from '../../proto/bundle.ts';
import { Fault } from '../../proto/fault.ts';
import * as x509 from '../../proto/x509.ts';

/** Milliseconds since 1970. */
export interface Validity {
  from: number;
  until: number;
}

/** In PEM. */
export interface Pair {
  certificate: string;
  key: string;
}

/** An authority that can sign. */
export interface Signer {
  /** The authority's own, and what leads from it to a root if it is none itself. PEM. */
  chain: string;
  /** What of that stands after a certificate that it signs: roots are known or not trusted. PEM. */
  between: string;
  /** Of the authority's own. */
  validity: Validity;
  sign(name: string, key: x509.PublicKeyType, validity: Validity): Promise<string>;
}

/** One that signs for our parts, and for no other authorities. */
export async function makeAuthority({ from, until }: Validity): Promise<Pair> {
  const keys = await x509.makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Each has a name of its own: whoever reads a bundle sees which is which.
    name: `O=podferry, CN=podferry authority of ${new Date(from).toISOString()}`,
    keys,
    notBefore: new Date(from),
    notAfter: new Date(until),
    signingAlgorithm: x509.elliptic,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: inPem(certificate), key: await x509.keyInPem(keys.privateKey) };
}

/** @throws Error when the two do not belong together, or belong to no authority */
export function openSigner({ certificate: chain, key: pem }: Pair): Signer {
  const [own, ...others] = certificatesIn(chain);
  if (own === undefined) throw new Error('there is no certificate');
  const certificate = new Certificate(own);
  const key = createPrivateKey(pem);
  if (!certificate.checkPrivateKey(key)) throw new Error('the key is not the certificate’s');
  if (!certificate.ca) throw new Error('the certificate is not an authority’s');
  const authority = new x509.X509Certificate(certificate.raw);
  const validity = validityOf(own);
  return {
    chain: bundleOf(own, ...others),
    between: bundleOf(...[own, ...others].filter((each) => !isRoot(new Certificate(each)))),
    validity,
    async sign(name, publicKey, { from, until }) {
      const made = await x509.X509CertificateGenerator.create({
        subject: 'O=podferry',
        issuer: authority.subjectName,
        publicKey,
        signingKey: key.toCryptoKey(algorithmOf(key), false, ['sign']),
        signingAlgorithm: algorithmOf(key),
        // Never longer than whoever signs.
        notBefore: new Date(Math.min(from, until, validity.until)),
        notAfter: new Date(Math.min(until, validity.until)),
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          // Every part is a server to one peer and a client to another.
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
          await x509.SubjectKeyIdentifierExtension.create(publicKey),
          ...issuedBy(authority),
        ],
      });
      return inPem(made);
    },
  };
}

export function validityOf(certificate: string): Validity {
  const { validFromDate, validToDate } = new Certificate(certificate);
  return { from: validFromDate.getTime(), until: validToDate.getTime() };
}

function isRoot(certificate: Certificate): boolean {
  return certificate.checkIssued(certificate);
}

/** As it stands in the authority's certificate: others make it of the key in other ways. */
function issuedBy(authority: x509.X509Certificate): x509.Extension[] {
  const known = authority.getExtension(x509.SubjectKeyIdentifierExtension);
  return known === null ? [] : [new x509.AuthorityKeyIdentifierExtension(known.keyId)];
}

/** A root of somebody else's may have any key. */
function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) {
  const curves: Record<string, [string, string]> = {
    prime256v1: ['P-256', 'SHA-256'],
    secp384r1: ['P-384', 'SHA-384'],
    secp521r1: ['P-521', 'SHA-512'],
  };
  const curve = curves[details?.namedCurve ?? ''];
  if (type === 'ec' && curve !== undefined) return { name: 'ECDSA', namedCurve: curve[0], hash: curve[1] };
  if (type === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  if (type === 'ed25519') return { name: 'Ed25519' };
  throw new Error(`an authority’s key of type ${type} ${details?.namedCurve ?? ''} cannot be used: take EC or RSA`);
}

/** Far more than a request with one key and a name needs. */
const longestRequest = 16_384;
const fewestRsaBits = 2_048;

/**
 * The key of a request (PKCS #10), whose signature shows that it is the caller's.
 * @throws Fault InvalidArgument
 */
export async function keyOfRequest(der: Uint8Array): Promise<x509.PublicKey> {
  if (der.length > longestRequest) {
    throw new Fault('InvalidArgument', `the certificate request has ${der.length} bytes, more than ${longestRequest}`);
  }
  let key: x509.PublicKey;
  let isSigned: boolean;
  try {
    const request = new x509.Pkcs10CertificateRequest(Uint8Array.from(der));
    key = request.publicKey;
    checkStrength(createPublicKey({ key: Buffer.from(key.rawData), format: 'der', type: 'spki' }));
    isSigned = await request.verify();
  } catch (error) {
    throw Fault.from(error, 'InvalidArgument', 'the certificate request cannot be used');
  }
  if (!isSigned) throw new Fault('InvalidArgument', 'the certificate request is not signed with the key that it names');
  return key;
}

function checkStrength({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): void {
  if (type === 'ed25519') return;
  if (type === 'ec' && ['prime256v1', 'secp384r1'].includes(details?.namedCurve ?? '')) return;
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= fewestRsaBits) return;
  const what = `${type} ${details?.namedCurve ?? details?.modulusLength ?? ''}`.trim();
  throw new Error(`its key is ${what}: P-256, P-384, Ed25519 or RSA of ${fewestRsaBits} bits or more are taken`);
}

function inPem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
