/** Which cluster is meant, and as whom: read as kubectl reads it. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { Fault } from '../../../proto/fault.ts';

export interface KubeconfigFlags {
  kubeconfig?: string;
  context?: string;
}

const inCluster = '/var/run/secrets/kubernetes.io/serviceaccount';

/** @throws Fault InvalidArgument when there is none, or it cannot be used */
export function readKubeconfig({ kubeconfig, context }: KubeconfigFlags): KubeConfig {
  const config = new KubeConfig();
  config.addAuthenticator(tokenFiles);
  const source = sourceOf(kubeconfig);
  try {
    if (source.kind === 'pod') config.loadFromCluster();
    else merge(config, source.files);
  } catch (error) {
    const what =
      source.kind === 'pod' ? 'the ServiceAccount of this pod' : `kubeconfig ${source.files.join(delimiter)}`;
    throw new Fault('InvalidArgument', `cannot use ${what}: ${(error as Error).message}`, { cause: error });
  }
  if (context !== undefined) useContext(config, context);
  if (config.getCurrentCluster() === null) {
    const why = config.currentContext
      ? `the context ${config.currentContext} names no cluster`
      : 'it has no current context';
    throw new Fault('InvalidArgument', `cannot use this kubeconfig: ${why}; "kubectl config get-contexts" lists them`);
  }
  return config;
}

/** Of the context; as in kubectl, in a pod it is the pod's own. */
export function namespaceOf(config: KubeConfig): string {
  return config.getContextObject(config.currentContext)?.namespace || 'default';
}

type Source = { kind: 'files'; files: string[] } | { kind: 'pod' };

function sourceOf(flag: string | undefined): Source {
  if (flag !== undefined) return { kind: 'files', files: [flag] };
  const named = process.env['KUBECONFIG']?.split(delimiter).filter((file) => file !== '') ?? [];
  // As kubectl: of several that are named, some may not be there.
  const there = named.filter((file) => existsSync(file));
  if (named.length > 0) return { kind: 'files', files: there.length > 0 ? there : named };
  const own = join(homedir(), '.kube', 'config');
  if (existsSync(own)) return { kind: 'files', files: [own] };
  if (process.env['KUBERNETES_SERVICE_HOST'] && existsSync(join(inCluster, 'token'))) return { kind: 'pod' };
  throw new Fault(
    'InvalidArgument',
    `which cluster? There is no kubeconfig: neither --kubeconfig FILE, nor KUBECONFIG, nor ${own}, and this is no pod. ` +
      'Or say --coordinator HOST:PORT, or set PODFERRY_COORDINATOR',
  );
}

/** The first that says something is right. */
function merge(config: KubeConfig, [first, ...others]: readonly string[]): void {
  if (first === undefined) return;
  load(config, first);
  for (const file of others) {
    const more = new KubeConfig();
    load(more, file);
    const known = <T extends { name: string }>(all: readonly T[]) => new Set(all.map(({ name }) => name));
    const added = <T extends { name: string }>(mine: readonly T[], theirs: readonly T[]): T[] => {
      const names = known(mine);
      return [...mine, ...theirs.filter(({ name }) => !names.has(name))];
    };
    config.clusters = added(config.clusters, more.clusters);
    config.users = added(config.users, more.users);
    config.contexts = added(config.contexts, more.contexts);
    config.currentContext ||= more.currentContext;
  }
}

const fromFile = 'podferry-token-file';

/** For each request anew. Client-node's own keeps it for a minute, and the line's end with it. */
const tokenFiles: Parameters<KubeConfig['addAuthenticator']>[0] = {
  isAuthProvider: ({ authProvider }) => authProvider?.name === fromFile,
  async applyAuthentication({ authProvider }, options) {
    const token = readFileSync((authProvider.config as { path: string }).path, 'utf8').trim();
    options.headers = { ...options.headers, Authorization: `Bearer ${token}` };
  },
};

/** Client-node reads all of it but a user's tokenFile. */
function load(config: KubeConfig, file: string): void {
  config.loadFromFile(file);
  const { users } = parse(readFileSync(file, 'utf8')) as { users?: { name: string; user?: { tokenFile?: string } }[] };
  const files = new Map(users?.map(({ name, user }) => [name, user?.tokenFile]));
  config.users = config.users.map((user) => {
    const named = files.get(user.name);
    if (named === undefined) return user;
    const { token: _older, ...rest } = user;
    return { ...rest, authProvider: { name: fromFile, config: { path: resolve(dirname(file), named) } } };
  });
}

function useContext(config: KubeConfig, name: string): void {
  if (config.getContextObject(name) === null)
    throw new Fault(
      'InvalidArgument',
      `--context: the kubeconfig has no ${name}; "kubectl config get-contexts" lists them`,
    );
  config.setCurrentContext(name);
}

/** What it shows as bearer; undefined: it shows something else, like a certificate. */
export async function tokenOf(config: KubeConfig): Promise<string | undefined> {
  const options: { headers: Record<string, string> } = { headers: {} };
  // Runs the plugins and reads the files that the kubeconfig names, as before each request to the API server.
  await config.applyToHTTPSOptions(options);
  const [, token] = /^bearer (.+)$/i.exec(options.headers['Authorization'] ?? '') ?? [];
  return token;
}
