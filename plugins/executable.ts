/** A script and a node in one file, by node's own way: a single executable application. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';

const postject = createRequire(import.meta.url).resolve('postject/dist/cli.js');
const run = promisify(execFile);

/** Node looks for its script where this is, and flips a bit of it to know that there is one. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** By what is executed there: what node itself says of it. */
export interface NodeBinary {
  path: string;
  /** As process.platform and process.arch. */
  platform: string;
  arch: string;
}

export const ownNode: NodeBinary = { path: process.execPath, platform: process.platform, arch: process.arch };

/** @param directory for what is only needed on the way */
export async function makeExecutable(
  script: string,
  outfile: string,
  node: NodeBinary,
  directory: string,
): Promise<void> {
  const name = join(directory, `${node.platform}-${node.arch}-${outfile.split('/').at(-1)}`);
  const config = {
    main: script,
    output: `${name}.blob`,
    disableExperimentalSEAWarning: true,
    // V8's cache is of the node that makes it; any other one would only complain.
    useCodeCache: node.path === process.execPath,
  };
  await writeFile(`${name}.json`, JSON.stringify(config));
  await run(process.execPath, ['--experimental-sea-config', `${name}.json`]);
  await rm(outfile, { force: true });
  await copyFile(node.path, outfile);
  await chmod(outfile, 0o755);
  if (node.platform === 'linux') await strip(outfile);
  const mach = node.platform === 'darwin' ? ['--macho-segment-name', 'NODE_SEA'] : [];
  const argv = [postject, outfile, 'NODE_SEA_BLOB', `${name}.blob`, '--sentinel-fuse', fuse, ...mach];
  await run(process.execPath, argv);
}

/** Symbols for debuggers: a tenth of it. Without the tool, or for another processor, they stay. */
async function strip(file: string): Promise<void> {
  await run('strip', ['--strip-all', file]).catch(() => {});
}
