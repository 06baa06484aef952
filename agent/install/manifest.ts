/** What the installer has made on this node and what was there before, on the node's disk: uninstall goes by it. */
import { rmSync } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { writeBeside } from './act.ts';
import type { Node } from './node.ts';
import type { Former, Made } from './plan.ts';

export const installState = '/var/lib/podferry/install';
const file = join(installState, 'manifest.json');

type Written = Omit<Made, 'former'> & {
  former?:
    | Extract<Former, { kind: 'link' }>
    | (Omit<Extract<Former, { kind: 'file' }>, 'content'> & { base64: string });
};

export interface Manifest {
  made: Made[];
  /** Directories that had to be made for this file itself, the highest first. */
  own: string[];
}

export function readManifest(node: Node): Manifest {
  const text = node.read(file);
  if (text === undefined) return { made: [], own: missing(node) };
  try {
    const { made, own } = JSON.parse(text.toString()) as { made: Written[]; own: string[] };
    return { made: made.map(fromWritten), own };
  } catch (error) {
    throw Fault.from(error, 'Internal', `${node.name}: ${file} is no manifest of ours: move it away and install again`);
  }
}

function missing(node: Node): string[] {
  return [dirname(installState), installState].filter((path) => node.entry(path, true).kind === 'absent');
}

/** Before anything is made, so that it can be found again however this ends. */
export function writeManifest(node: Node, { made, own }: Manifest): void {
  mkdirSync(node.at(installState), { recursive: true, mode: 0o700 });
  const text = JSON.stringify({ version: 1, own, made: made.map(toWritten) }, null, 2);
  // Configurations have credentials of registries in them.
  writeBeside(node.at(file), Buffer.from(`${text}\n`), { mode: 0o600 });
}

/** @returns whether something of others is left in its directories */
export function removeManifest(node: Node, { own }: Manifest): void {
  rmSync(node.at(file), { force: true });
  for (const directory of [...own].reverse()) {
    if (node.list(directory).length === 0) rmSync(node.at(directory), { recursive: true, force: true });
  }
}

function toWritten({ former, ...made }: Made): Written {
  if (former === undefined) return made;
  if (former.kind === 'link') return { ...made, former };
  const { content, ...owned } = former;
  return { ...made, former: { ...owned, base64: content.toString('base64') } };
}

function fromWritten({ former, ...made }: Written): Made {
  if (former === undefined) return made;
  if (former.kind === 'link') return { ...made, former };
  const { base64, ...owned } = former;
  return { ...made, former: { ...owned, content: Buffer.from(base64, 'base64') } };
}
