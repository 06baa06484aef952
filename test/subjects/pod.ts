/** Servers that hold connections open, as the pods that are to be moved: one in each, or several in one. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Addresses } from '../clients/addresses.ts';
import { issue, makeAuthority } from '../lab/certificates.ts';
import { run } from '../lab/command.ts';
import type { ContainerSpec, Lab, PodSpec } from '../lab/index.ts';
import { installPrograms } from '../lab/machine.ts';
import { loadPackaged } from '../lab/packaged.ts';
import { dnsImage, ports, postgresImage, pythonImage, redisName, sshImage, sshUser } from './images.ts';

export const subjects = ['redis', 'http', 'postgres', 'ssh', 'dns', 'edge'] as const;
export type Subject = (typeof subjects)[number];

/** What clients have to show and to know. */
interface Secrets {
  /** As PEM: of the authority, and of the server by it. */
  authority: string;
  certificate: string;
  certificateKey: string;
  /** Of who may come in by ssh: a file that only its owner can read, and the other half of it. */
  sshKeyFile: string;
  sshPublicKey: string;
}

export class Subjects {
  readonly #secrets: Secrets;
  readonly #directory: string;

  private constructor(directory: string, secrets: Secrets) {
    this.#directory = directory;
    this.#secrets = secrets;
  }

  /** Makes keys and certificates, and loads the images that the lab does not have yet; those that nobody has had are built. */
  static async prepare(
    lab: Lab,
    wanted: readonly Subject[] = subjects,
    say: (line: string) => void = () => {},
    signal?: AbortSignal,
  ): Promise<Subjects> {
    const needed = {
      ...(wanted.includes('ssh') && { ssh: 'openssh-client' }),
      ...(wanted.includes('edge') && { python3: 'python3' }),
    };
    await installPrograms(say, signal, needed);
    const images = [
      wanted.some((name) => name === 'http' || name === 'edge') ? [pythonImage] : [],
      wanted.includes('postgres') ? [postgresImage] : [],
      wanted.includes('ssh') ? [sshImage] : [],
      wanted.includes('dns') ? [dnsImage] : [],
    ].flat();
    for (const image of images) await loadPackaged(lab, image, say, signal);
    const directory = await mkdtemp(join(tmpdir(), 'podferry-subjects-'));
    try {
      return new Subjects(directory, await makeSecrets(directory, signal));
    } catch (error) {
      await rm(directory, { recursive: true });
      throw error;
    }
  }

  /** A pod of this name with these in it, a container each. They listen on different ports. */
  pod(name: string, wanted: readonly [Subject, ...Subject[]]): PodSpec {
    const [first, ...beside] = wanted;
    // The first container of a pod has its name.
    return { ...this.container(first), name, beside: beside.map((each) => this.container(each)) };
  }

  container(subject: Subject): ContainerSpec {
    const { certificate, certificateKey, sshPublicKey } = this.#secrets;
    switch (subject) {
      case 'redis':
        return {
          name: subject,
          image: 'redis',
          command: ['sh', '-euc', startRedis],
          env: { CERTIFICATE: certificate, KEY: certificateKey },
        };
      case 'http':
        return { name: subject, image: pythonImage.name, command: ['python3', '/opt/web.py', String(ports.http)] };
      case 'edge':
        return {
          name: subject,
          image: pythonImage.name,
          command: ['python3', '/opt/edge.py', 'serve', String(ports.edge)],
        };
      case 'postgres':
        return {
          name: subject,
          image: postgresImage.name,
          securityContext: { run_as_user: { value: '70' }, run_as_group: { value: '70' } },
        };
      case 'dns':
        return { name: subject, image: dnsImage.name };
      case 'ssh':
        return { name: subject, image: sshImage.name, env: { AUTHORIZED_KEY: sshPublicKey } };
    }
  }

  /**
   * What clients have to know of these, if they are all in one pod.
   *
   * @param host the pod's address
   */
  addresses(host: string, wanted: readonly Subject[]): Addresses {
    const { authority, sshKeyFile: keyFile } = this.#secrets;
    const all: Record<Subject, Addresses> = {
      redis: { redis: { host, port: ports.redis, tlsPort: ports.redisTls, authority } },
      http: { http: { host, port: ports.http } },
      postgres: { postgres: { host, port: ports.postgres } },
      ssh: { ssh: { host, port: ports.ssh, user: sshUser, keyFile } },
      dns: { dns: { host, port: ports.dns } },
      edge: { edge: { host, port: ports.edge } },
    };
    return Object.assign({}, ...wanted.map((subject) => all[subject])) as Addresses;
  }

  /** Forgets the keys. */
  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** In memory alone: that data come along is shown elsewhere. */
const startRedis = `
umask 077
cd /data
printf '%s\\n' "$CERTIFICATE" >tls.crt
printf '%s\\n' "$KEY" >tls.key
exec redis-server --bind '*' '-::*' --protected-mode no --save '' --appendonly no \\
  --port ${ports.redis} --tls-port ${ports.redisTls} --tls-auth-clients no --tls-cert-file tls.crt --tls-key-file tls.key`;

async function makeSecrets(directory: string, signal?: AbortSignal): Promise<Secrets> {
  const by = await makeAuthority(directory, 'subjects', signal);
  const server = join(directory, 'server');
  await issue(server, { name: redisName }, by, signal);
  const sshKeyFile = join(directory, 'ssh');
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'client', '-f', sshKeyFile], {}, signal);
  const text = async (file: string) => (await readFile(file, 'utf8')).trim();
  return {
    authority: await text(by.certificate),
    certificate: await text(join(server, 'tls.crt')),
    certificateKey: await text(join(server, 'tls.key')),
    sshKeyFile,
    sshPublicKey: await text(`${sshKeyFile}.pub`),
  };
}
