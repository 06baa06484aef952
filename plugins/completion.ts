/** What kubectl runs to learn what could come next: an executable of this name on the PATH. The program itself knows. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Program } from './bundle.ts';

/** @returns the names of the files: none for probe, which knows nothing of a cluster */
export async function writeCompletion(program: Program, directory: string): Promise<string[]> {
  if (program === 'kubectl-probe') return [];
  const name = program.replace('kubectl-', 'kubectl_complete-');
  await writeFile(join(directory, name), `#!/bin/sh\nexec ${program} __complete "$@"\n`);
  await chmod(join(directory, name), 0o755);
  return [name];
}
