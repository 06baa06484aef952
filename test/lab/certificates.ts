import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import type { NodeName } from './layout.ts';

export const agentIdentity = (node: NodeName) => `${node}.agent.podferry`;
export const coordinatorIdentity = 'coordinator.podferry';
export const clientIdentity = 'client.podferry';
/** Well made, but by another authority: a peer that everybody has to refuse. */
export const foreignIdentity = 'foreign';

const days = '30';
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];

/**
 * Makes a directory for each identity, with ca.crt, tls.crt and tls.key as a Kubernetes secret has them. The
 * authorities' keys are gone afterwards: nobody needs a second certificate of a lab.
 */
export async function makeCertificates(tls: string, nodes: readonly NodeName[], signal?: AbortSignal): Promise<void> {
  await mkdir(tls, { recursive: true, mode: 0o700 });
  const authorities = await mkdtemp(join(tls, '.authorities-'));
  try {
    const ours = await makeAuthority(authorities, 'podferry lab', signal);
    const theirs = await makeAuthority(authorities, 'somebody else', signal);
    const names = [...nodes.map(agentIdentity), coordinatorIdentity, clientIdentity];
    await Promise.all([
      ...names.map((name) => issue(join(tls, name), { name }, ours, signal)),
      issue(join(tls, foreignIdentity), { name: clientIdentity }, theirs, signal),
    ]);
  } finally {
    await rm(authorities, { recursive: true });
  }
}

export interface Authority {
  certificate: string;
  key: string;
}

/** Whom a certificate is for. */
export interface Subject {
  name: string;
  /** Kubernetes takes it for a group. */
  organization?: string;
  /** As openssl writes them: `DNS:…`, `IP:…`. The name alone if there is nothing here. */
  alternatives?: readonly string[];
}

export async function makeAuthority(directory: string, name: string, signal?: AbortSignal): Promise<Authority> {
  const base = join(directory, name.replaceAll(' ', '-'));
  const authority = { certificate: `${base}.crt`, key: `${base}.key` };
  const files = ['-keyout', authority.key, '-out', authority.certificate];
  const limits = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-addext', 'basicConstraints=critical,CA:TRUE'];
  await run(
    [
      'openssl',
      'req',
      '-x509',
      '-config',
      '/dev/null',
      '-subj',
      `/CN=${name}`,
      '-days',
      days,
      ...curve,
      ...limits,
      ...files,
    ],
    {},
    signal,
  );
  return authority;
}

export async function issue(directory: string, to: Subject, by: Authority, signal?: AbortSignal): Promise<void> {
  const beside = `${directory}.new`;
  await mkdir(beside, { mode: 0o700 });
  const file = (name: string) => join(beside, name);
  const { name, organization, alternatives = [`DNS:${name}`] } = to;
  const subject = [
    '-config',
    '/dev/null',
    '-subj',
    `${organization === undefined ? '' : `/O=${organization}`}/CN=${name}`,
  ];
  const request = ['-keyout', file('tls.key'), '-out', file('request')];
  await run(['openssl', 'req', '-new', ...subject, ...curve, ...request], {}, signal);
  await writeFile(
    file('extensions'),
    [
      `subjectAltName=${alternatives.join(',')}`,
      'basicConstraints=CA:FALSE',
      'keyUsage=critical,digitalSignature',
      // Every part is a server to one peer and a client to another.
      'extendedKeyUsage=serverAuth,clientAuth',
    ].join('\n'),
  );
  const made = ['-in', file('request'), '-out', file('tls.crt'), '-extfile', file('extensions'), '-days', days];
  await run(['openssl', 'x509', '-req', '-CA', by.certificate, '-CAkey', by.key, ...made], {}, signal);
  await run(['cp', by.certificate, file('ca.crt')], {}, signal);
  await Promise.all([rm(file('request')), rm(file('extensions'))]);
  await rename(beside, directory);
}
