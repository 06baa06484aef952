import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, run } from '../command.ts';
import { buildOnce, debian } from '../root.ts';

/** A Go compiler, and the environment it wants. */
export interface Go {
  program: string;
  env: NodeJS.ProcessEnv;
}

const oldest = { major: 1, minor: 26 };
const recipe = 1;

/** The machine's own Go if it is new enough; else Debian's, unpacked into the cache and never installed. */
export async function findGo(cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<Go> {
  for (const program of ['go', '/usr/local/go/bin/go']) {
    if (await isNewEnough(program)) return { program, env: { GOTOOLCHAIN: 'local' } };
  }
  const root = join(cache, `go-${debian.suite}-${recipe}`);
  if (!existsSync(root)) await unpack(root, cache, say, signal);
  const libraries = join(root, 'usr/lib');
  const name = (await readdir(libraries)).find((entry) => /^go-\d+\.\d+$/.test(entry));
  if (name === undefined) throw new Error(`there is no Go below ${libraries}: remove ${root} and try again`);
  const home = join(libraries, name);
  return { program: join(home, 'bin/go'), env: { GOTOOLCHAIN: 'local', GOROOT: home } };
}

async function isNewEnough(program: string): Promise<boolean> {
  try {
    const { stdout } = await attempt([program, 'version']);
    const [, major, minor] = /go(\d+)\.(\d+)/.exec(stdout) ?? [];
    return Number(major) > oldest.major || (Number(major) === oldest.major && Number(minor) >= oldest.minor);
  } catch {
    // There is none.
    return false;
  }
}

async function unpack(root: string, cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<void> {
  say(`unpacking Go from Debian ${debian.suite} (once; kept in ${cache})`);
  await mkdir(cache, { recursive: true });
  const mmdebstrap = [
    'mmdebstrap',
    '--quiet',
    // Only what is named and what that needs; nothing of it is set up.
    '--variant=extract',
    ...debian.options,
    '--include=golang-go',
    debian.suite,
    `${root}.building`,
  ];
  await run(['flock', join(cache, '.lock-go'), 'sh', '-euc', buildOnce, 'build', root, ...mmdebstrap], {}, signal);
}
