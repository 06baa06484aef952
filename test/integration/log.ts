/** What a container has written, as kubelet reads it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab/index.ts';
import type { Placed } from './migrate.ts';

export interface LogLine {
  unixMs: number;
  stream: 'stdout' | 'stderr';
  text: string;
}

/** @throws when a line is not in CRI's format */
export function logOf(lab: Lab, { node, log }: Pick<Placed, 'node' | 'log'>): LogLine[] {
  const lines = readFileSync(join(lab.node(node).root, log), 'utf8').split('\n');
  if (lines.pop() !== '') throw new Error(`${log} on ${node} ends in the middle of a line`);
  return lines.map((line) => {
    const [, time = '', stream, text = ''] = /^(\S+) (stdout|stderr) [FP] (.*)$/.exec(line) ?? [];
    if (stream !== 'stdout' && stream !== 'stderr') throw new Error(`not in CRI's format: ${JSON.stringify(line)}`);
    return { unixMs: Date.parse(time), stream, text };
  });
}
