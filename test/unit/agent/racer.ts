/**
 * A process that writes to journals at the same time as others.
 * usage: racer.ts decide WORD DIRECTORY…   waits for DIRECTORY/go of the last one, prints what each was decided to be
 *        racer.ts record DIRECTORY         writes records of many sizes, until it is killed
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decide, writeRecord } from '../../../agent/journal/record.ts';
import { SidePaths } from '../../../agent/paths.ts';

const [what, ...rest] = process.argv.slice(2);
if (what === 'decide') {
  const [word = '', ...directories] = rest;
  const sides = directories.map((directory) => new SidePaths(directory));
  console.log('ready');
  while (!existsSync(join(directories.at(-1) ?? '', 'go')));
  console.log(sides.map((side) => decide(side, word)).join(' '));
} else {
  const side = new SidePaths(rest[0] ?? '');
  for (let size = 1; ; size = (size * 7) % 400_009) writeRecord(side, { size, text: 'x'.repeat(size) });
}
