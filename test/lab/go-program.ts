import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from './command.ts';
import { findGo } from './kubernetes/go.ts';
import { locked } from './lock.ts';
import { contentKey } from './root.ts';

/** A program that is compiled from its Go module, because no download site is needed for that, and is static then. */
export interface GoProgram {
  name: string;
  module: string;
  version: string;
  /** What is compiled: a package of the module, or our own source that calls it. */
  main: { package: string } | { source: string };
}

const recipe = 1;

/** Its path in the cache; compiled once, which takes minutes. */
export async function goProgram(
  program: GoProgram,
  cache: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const { name, version } = program;
  const file = join(cache, `${name}-${version}-${contentKey(recipe, program)}`);
  const make = async () => {
    if (!existsSync(file)) await build(program, file, cache, say, signal);
    return file;
  };
  return existsSync(file) ? file : await locked(join(cache, `.lock-${name}`), make, signal);
}

async function build(
  { name, module, version, main }: GoProgram,
  file: string,
  cache: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const go = await findGo(cache, say, signal);
  say(`compiling ${name} ${version} (once, a few minutes; kept in ${cache})`);
  const work = `${file}.building`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const lines = [`module podferry.dev/lab-${name}`, 'go 1.26', `require ${module} v${version}`];
  await writeFile(join(work, 'go.mod'), `${lines.join('\n')}\n`);
  if ('source' in main) await writeFile(join(work, 'main.go'), main.source);
  const env = { ...process.env, ...go.env, GOFLAGS: '-mod=mod', GOWORK: 'off', CGO_ENABLED: '0' };
  const out = join(work, basename(file));
  const argv = ['build', '-trimpath', '-ldflags', '-s -w', '-o', out, 'source' in main ? '.' : main.package];
  await run([go.program, ...argv], { env, cwd: work }, signal);
  await rename(out, file);
  await rm(work, { recursive: true });
}
