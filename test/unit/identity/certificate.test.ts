/** What certificates look like to others: to openssl, and to who reads what may be done with them. */
import { execFile } from 'node:child_process';
import { generateKeyPairSync, type webcrypto, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { keyOfRequest, makeAuthority, openSigner, validityOf } from '../../../coordinator/identity/certificate.ts';
import { keyInPem, makeKeys } from '../../../proto/x509.ts';
import { bundleOf, certificatesIn, requireAuthorities } from '../../../proto/bundle.ts';
import { Pkcs10CertificateRequestGenerator } from '../../../proto/x509.ts';

const directory = mkdtempSync(join(tmpdir(), 'podferry-x509-'));
afterAll(() => rmSync(directory, { recursive: true }));

const openssl = async (...argv: string[]) =>
  (await promisify(execFile)('openssl', argv, { cwd: directory })).stdout.replaceAll(/ *\n\s+/g, ' ');
const span = () => ({ from: Date.now() - 300_000, until: Date.now() + 3_600_000 });
const name = 'node-a.agent.podferry';

/** As openssl reads it. */
async function text(pem: string): Promise<string> {
  await writeFile(join(directory, 'x.crt'), pem);
  return await openssl('x509', '-in', 'x.crt', '-noout', '-text');
}

async function verify(certificate: string, trust: string, between = ''): Promise<string> {
  await writeFile(join(directory, 'leaf.crt'), certificate);
  await writeFile(join(directory, 'trust.crt'), trust);
  await writeFile(join(directory, 'between.crt'), between);
  const more = between === '' ? [] : ['-untrusted', 'between.crt'];
  const strict = ['-x509_strict', '-purpose', 'sslserver', '-no-CApath', '-no-CAstore', '-CAfile', 'trust.crt'];
  return await openssl('verify', ...strict, ...more, 'leaf.crt').catch(({ stderr }: { stderr: string }) => stderr);
}

it('an authority signs for parts, and for no other authority', async () => {
  const { certificate } = await makeAuthority(span());
  const said = await text(certificate);
  expect(said).toMatch(/Basic Constraints: critical CA:TRUE, pathlen:0/);
  expect(said).toMatch(/Key Usage: critical Certificate Sign, CRL Sign/);
  expect(said).toMatch(/Subject Key Identifier/);
  expect(said).toMatch(/Signature Algorithm: ecdsa-with-SHA256/);
});

it('a certificate is for one name, for both ends of TLS, and for nothing else', async () => {
  const signer = openSigner(await makeAuthority(span()));
  const leaf = await signer.sign(name, (await makeKeys()).publicKey, span());
  const said = await text(leaf);
  expect(said).toMatch(/Basic Constraints: critical CA:FALSE/);
  expect(said).toMatch(/Key Usage: critical Digital Signature/);
  expect(said).toMatch(/Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication/);
  expect(said).toMatch(/Subject Alternative Name: DNS:node-a.agent.podferry/);
  expect(said).toMatch(/Authority Key Identifier/);
  expect(await verify(leaf, signer.chain)).toContain('OK');
  const again = await signer.sign(name, (await makeKeys()).publicKey, span());
  expect(new X509Certificate(again).serialNumber).not.toBe(new X509Certificate(leaf).serialNumber);
  expect(new X509Certificate(leaf).serialNumber.length).toBeGreaterThan(28);
});

it('a certificate does not outlive its authority', async () => {
  const until = Math.ceil(Date.now() / 1_000) * 1_000 + 60_000;
  const signer = openSigner(await makeAuthority({ from: Date.now() - 1_000, until }));
  const leaf = await signer.sign(name, (await makeKeys()).publicKey, span());
  expect(validityOf(leaf).until).toBe(until);
});

describe('an authority of somebody else', () => {
  /** By openssl, below a root. */
  async function given(algorithm: readonly string[]): Promise<{ certificate: string; key: string; root: string }> {
    const file = (what: string) => join(directory, what);
    const usage = ['-addext', 'keyUsage=critical,keyCertSign', '-addext', 'basicConstraints=critical,CA:TRUE'];
    const request = ['req', '-x509', '-config', '/dev/null', '-noenc', '-days', '1', ...usage];
    // Letters beyond ASCII: the issuer's name has to be the subject's, byte for byte.
    await openssl(
      ...request,
      ...algorithm,
      '-utf8',
      '-subj',
      '/O=Grün/CN=root',
      '-keyout',
      'root.key',
      '-out',
      'root.crt',
    );
    const by = ['-CA', 'root.crt', '-CAkey', 'root.key', '-utf8', '-subj', '/O=Grün/CN=between'];
    await openssl(...request, ...algorithm, ...by, '-keyout', 'ca.key', '-out', 'ca.crt');
    const read = async (what: string) => await readFile(file(what), 'utf8');
    return { certificate: await read('ca.crt'), key: await read('ca.key'), root: await read('root.crt') };
  }

  it.each([
    ['RSA', ['-newkey', 'rsa:2048']],
    ['P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['Ed25519', ['-newkey', 'ed25519']],
  ])('may have a key of %s, and a root above it', async (_what, algorithm) => {
    const { root, ...pair } = await given(algorithm);
    const signer = openSigner(pair);
    const leaf = await signer.sign(name, (await makeKeys()).publicKey, span());
    expect(await verify(leaf, root, signer.between)).toContain('OK');
    expect(certificatesIn(signer.between)).toHaveLength(1);
    expect(await verify(leaf, root)).not.toContain('OK');
  });

  it('has to be one, with its own key', async () => {
    const pair = await makeAuthority(span());
    const { key } = await makeAuthority(span());
    expect(() => openSigner({ ...pair, key })).toThrow(/not the certificate’s/);
    const keys = await makeKeys();
    const leaf = await openSigner(pair).sign(name, keys.publicKey, span());
    expect(() => openSigner({ certificate: leaf, key: '' })).toThrow();
    const own = await keyInPem(keys.privateKey);
    expect(() => openSigner({ certificate: leaf, key: own })).toThrow(/not an authority’s/);
  });
});

describe('a request', () => {
  async function request(algorithm: object): Promise<Buffer> {
    const keys = await crypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, ['sign', 'verify']);
    const made = await Pkcs10CertificateRequestGenerator.create({
      keys,
      signingAlgorithm: algorithm as webcrypto.EcdsaParams,
    });
    return Buffer.from(made.rawData);
  }
  const rsa = (modulusLength: number) => ({
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
  });
  const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

  it.each([
    ['P-256', p256],
    ['P-384', { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }],
    ['Ed25519', { name: 'Ed25519' }],
    ['RSA of 2048 bits', rsa(2_048)],
  ])('with a key of %s is taken', async (_what, algorithm) => {
    expect((await keyOfRequest(await request(algorithm))).rawData.byteLength).toBeGreaterThan(40);
  });

  it.each([
    ['P-521', { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' }, /ec secp521r1/],
    ['RSA of 1024 bits', rsa(1_024), /rsa 1024/],
  ])('with a key of %s is not', async (_what, algorithm, message) => {
    const refusal = keyOfRequest(await request(algorithm));
    await expect(refusal).rejects.toMatchObject({ reason: 'InvalidArgument', message: expect.stringMatching(message) });
  });

  it('has to be one, of a bearable size, that is signed with its key', async () => {
    const good = await request(p256);
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const stranger = publicKey.export({ format: 'der', type: 'spki' });
    const at = good.indexOf(stranger.subarray(0, 26));
    expect(at).toBeGreaterThan(0);
    const stolen = Buffer.concat([good.subarray(0, at), stranger, good.subarray(at + stranger.length)]);
    const cut = good.subarray(0, -10);
    for (const bad of [stolen, cut, Buffer.alloc(0), Buffer.from('garbage'), Buffer.alloc(20_000)])
      await expect(keyOfRequest(bad)).rejects.toMatchObject({ reason: 'InvalidArgument' });
    await expect(keyOfRequest(stolen)).rejects.toThrow(/not signed with the key that it names/);
  });
});

it('a bundle has each authority once, and nothing but authorities', async () => {
  const [one, two] = [await makeAuthority(span()), await makeAuthority(span())];
  const bundle = bundleOf(one.certificate, two.certificate.replaceAll('\n', '\r\n'), one.certificate);
  expect(certificatesIn(bundle)).toHaveLength(2);
  expect(bundleOf(bundle)).toBe(bundle);
  requireAuthorities(bundle, 'ca.crt');
  const leaf = await openSigner(one).sign(name, (await makeKeys()).publicKey, span());
  for (const bad of ['', 'garbage', bundle + leaf]) expect(() => requireAuthorities(bad, 'ca.crt')).toThrow(/ca.crt/);
});
