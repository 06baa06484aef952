import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const agent = join(import.meta.dirname, '../../../agent');
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podferry-rcu-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What the switch is while something is frozen, and afterwards. The machine's own is left alone: a file lies over it. */
function switched(before: string): string[] {
  const file = join(directory, 'rcu_expedited');
  writeFileSync(file, '0');
  const program = `
    import { readFileSync } from 'node:fs';
    import { openJournal } from '${agent}/journal/record.ts';
    import { NodePaths } from '${agent}/paths.ts';
    import { calmRcu, expediteRcu, leaveRcu } from '${agent}/runtime/expedited-rcu.ts';
    const side = new NodePaths('${directory}').source('mig-real-time');
    openJournal(side);
    ${before}
    const now = () => readFileSync('/sys/kernel/rcu_expedited', 'utf8').trim();
    expediteRcu(side);
    const frozen = now();
    calmRcu(side);
    console.log([frozen, now()].join(' '));`;
  const covered = 'mount --bind "$1" /sys/kernel/rcu_expedited && exec "$2" --input-type=module --eval "$3"';
  const argv = ['--mount', 'sh', '-c', covered, 'sh', file, process.execPath, program];
  return execFileSync('unshare', argv, { encoding: 'utf8' }).trim().split(' ');
}

it.runIf(process.getuid?.() === 0)('is hurried while something is frozen, unless nobody is to touch it', () => {
  expect(switched('')).toEqual(['1', '0']);
  expect(switched('leaveRcu();')).toEqual(['0', '0']);
});
