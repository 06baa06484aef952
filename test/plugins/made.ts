/** The plugins as people get them, made for a test: single executables and what kubectl runs for completion. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, type Program } from '../../plugins/bundle.ts';
import { writeCompletion } from '../../plugins/completion.ts';
import { makeExecutable, ownNode } from '../../plugins/executable.ts';

export async function makePlugins(directory: string, ...programs: Program[]): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'podferry-plugins-'));
  try {
    await mkdir(directory, { recursive: true });
    for (const program of programs) {
      const script = join(work, `${program}.cjs`);
      await bundle(program, 'script', script);
      await makeExecutable(script, join(directory, program), ownNode, work);
      await writeCompletion(program, directory);
    }
  } finally {
    await rm(work, { recursive: true });
  }
}
