/** How the demo leaves: without its lab, whatever has happened, and not without the logs of what went wrong. */
import { existsSync } from 'node:fs';
import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { down, type Lab } from '../lab/index.ts';
import { layoutOf } from '../lab/layout.ts';
import { labNames } from '../lab/status.ts';

/** The logs of all daemons, and the images and CRIU's logs that the agents have kept. */
export async function keepLogs(lab: Lab, say: (line: string) => void): Promise<void> {
  try {
    const kept = await mkdtemp(join(tmpdir(), 'podferry-demo-'));
    await cp(lab.layout.logs, kept, { recursive: true });
    for (const { name, root } of lab.nodes) {
      const images = join(root, 'run/podferry/kept');
      if (existsSync(images)) await cp(images, join(kept, `${name}.kept`), { recursive: true });
    }
    say(`logs were kept in ${kept}`);
  } catch (error) {
    // Why there are logs to keep is what counts.
    say(`logs could not be kept: ${String(error)}`);
  }
}

export async function takeDown(name: string, say: (line: string) => void): Promise<void> {
  if (!existsSync(layoutOf(name).state)) return;
  try {
    await down(name);
    say(`lab ${name} is taken down`);
  } catch (error) {
    say(`lab ${name} could not be taken down (${String(error)}): npm run lab -- down --name ${name}`);
    process.exitCode = 1;
  }
}

/** Labs of demos that were killed: only their names tell of them, with the pid in it. */
export async function takeDownAbandoned(say: (line: string) => void): Promise<void> {
  for (const name of labNames()) {
    const pid = /^podferry-demo-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await takeDown(name, say);
  }
}
