// Checks that the demo's JSON lines are whole, that it moved over both transports, and that nothing was lost.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const moves = readFileSync(process.argv[2], 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
assert.deepEqual(new Set(moves.map(({ transport }) => transport)), new Set(['nfs', 'stream']));
for (const move of moves) {
  for (const name of [
    'freezeMs',
    'totalMs',
    'bytes',
    'keysBefore',
    'keysAfter',
    'ackedWrites',
    'lostWrites',
    'clientGapMs',
  ]) {
    assert.equal(typeof move[name], 'number', `${name} of ${move.source} → ${move.target}`);
  }
  assert.equal(move.lostWrites, 0);
  assert.ok(move.ackedWrites > 0);
  assert.ok(move.keysAfter >= move.keysBefore);
  assert.notEqual(move.source, move.target);
}
