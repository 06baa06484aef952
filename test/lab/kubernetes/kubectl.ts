import { join } from 'node:path';
import type { Output } from '../command.ts';
import type { ExecOptions, Lab } from '../lab.ts';
import type { KubernetesUser } from '../layout.ts';

/** What runs in `control` has the environment of whoever started it: a proxy of theirs knows no way into a lab. */
export const withoutProxy = { NO_PROXY: '*', no_proxy: '*' };

export interface KubectlOptions extends ExecOptions {
  /** `admin` unless told. */
  as?: KubernetesUser;
}

/** The command line of a kubectl that finds the lab's API server; to be run in `control`. */
export function kubectlCommand(lab: Lab, argv: readonly string[], user: KubernetesUser = 'admin'): string[] {
  const { kubernetes, layout } = lab;
  if (!kubernetes) throw new Error(`lab ${lab.name} has no Kubernetes: npm run lab -- up --kubernetes`);
  // What kubectl keeps goes with the lab.
  const cache = join(layout.kubernetes, 'cache');
  const settings = Object.entries(withoutProxy).map(([name, value]) => `${name}=${value}`);
  const program = join(kubernetes.programs, 'kubectl');
  return ['env', ...settings, program, '--kubeconfig', layout.kubeconfig(user), '--cache-dir', cache, ...argv];
}

/** Runs kubectl to its end, whatever its exit code. */
export async function kubectl(lab: Lab, argv: readonly string[], options: KubectlOptions = {}): Promise<Output> {
  const { as, ...rest } = options;
  return await lab.exec('control', kubectlCommand(lab, argv, as), rest);
}

/** Runs a kubectl that has to succeed; answers its stdout. */
export async function runKubectl(lab: Lab, argv: readonly string[], options: KubectlOptions = {}): Promise<string> {
  const { as, ...rest } = options;
  return await lab.run('control', kubectlCommand(lab, argv, as), rest);
}

/** Applies objects, as they would stand in a manifest. */
export async function apply(lab: Lab, objects: readonly object[], options: KubectlOptions = {}): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await runKubectl(lab, ['apply', '--filename', '-'], { ...options, stdin: JSON.stringify(list) });
}
