import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, run } from './command.ts';
import { findGo } from './kubernetes/go.ts';
import { locked } from './lock.ts';
import { contentKey } from './root.ts';

const version = '4.3.1';
const recipe = 1;
const module = 'helm.sh/helm/v4';

/** Helm: the machine's own if it is of this major version, else compiled from its Go module once, which takes minutes. */
export async function helmProgram(cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  if (await isOurs('helm')) return 'helm';
  const program = join(cache, `helm-${version}-${contentKey(recipe, module)}`);
  const make = async () => {
    if (!existsSync(program)) await build(program, cache, say, signal);
    return program;
  };
  return existsSync(program) ? program : await locked(join(cache, '.lock-helm'), make, signal);
}

async function isOurs(program: string): Promise<boolean> {
  try {
    const { stdout } = await attempt([program, 'version', '--template', '{{.Version}}']);
    return stdout.startsWith(`v${version.split('.')[0]}.`);
  } catch {
    // There is none.
    return false;
  }
}

async function build(program: string, cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<void> {
  const go = await findGo(cache, say, signal);
  say(`compiling Helm ${version} (once, a few minutes; kept in ${cache})`);
  const work = `${program}.building`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const lines = ['module podferry.dev/lab-helm', 'go 1.26', `require ${module} v${version}`];
  await writeFile(join(work, 'go.mod'), `${lines.join('\n')}\n`);
  const env = { ...process.env, ...go.env, GOFLAGS: '-mod=mod', GOWORK: 'off', CGO_ENABLED: '0' };
  const argv = ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(work, 'helm'), `${module}/cmd/helm`];
  await run([go.program, ...argv], { env, cwd: work }, signal);
  await rename(join(work, 'helm'), program);
  await rm(work, { recursive: true });
}
