import { expect, it } from 'vitest';
import { type Piece, piecesOf, typical } from '../bench/profile/pieces.ts';
import { timelineOf } from '../bench/profile/timeline.ts';
import { summarise } from '../bench/quantiles.ts';

// A few lines of real ones, with times that are easier to add up.
const dump = `
(00.001756) Running pre-dump scripts
(00.300000) irmap: Searching irmap cache in work dir
(00.302000) freezing cgroup /sys/fs/cgroup/freezer/kubepods
(00.303000) Collected 621 in 1 state
(00.306000) Dumping pages (type: 59 pid: 621)
(00.313000) Dumping core (pid: 621)
(00.314000) Running post-dump scripts
`;
const restore = `
(00.000031) Version: 4.2.1 (gitid 0)
(00.500500) Reading image tree
(00.502000) Running pre-restore scripts
(00.503000) Forking task with 1 pid (flags 0x20028080)
(00.511000)      1: Opening fdinfo-s
pie: 1: Parasite
(00.520000) Running post-restore scripts
(00.524500) Restore finished successfully. Tasks resumed.
(00.524600) Writing stats
`;
const moments = {
  ...{ frozen: 1_299, dumped: 1_316, 'files-sent': 1_316.5, 'memory-sent': 1_318, 'images-sent': 1_320, sent: 1_324 },
  ...{ committed: 1_326, go: 1_330, running: 1_360 },
};

it('puts what CRIU says between what the agents know', () => {
  const pieces = piecesOf(moments, { dump: { text: dump, bornMs: 1_000 }, restore: { text: restore, bornMs: 830 } });
  const shown = pieces.map(({ lane, what, from, to }) => [
    lane,
    what,
    Math.round(from * 10) / 10,
    Math.round(to * 10) / 10,
  ]);
  expect(shown).toEqual([
    ['source: CRIU', 'pre-dump hook', 0, 1],
    ['source: CRIU', 'inventory', 1, 3],
    ['source: CRIU', 'freezer, seizing', 3, 4],
    ['source: CRIU', 'mounts and sockets', 4, 7],
    ['source: CRIU', 'memory', 7, 14],
    ['source: CRIU', 'cgroups', 14, 15],
    ['source: CRIU', 'post-dump hook', 15, 17],
    ['source: agent', 'last memory', 17.5, 19],
    ['source: agent', 'images', 19, 21],
    ['source: agent', 'receipt, CRIU ends', 21, 25],
    ['coordinator', 'to the commit', 25, 27],
    ['coordinator', 'to the go', 27, 31],
    ['target: CRIU', 'go', 31, 31.5],
    ['target: CRIU', 'images', 31.5, 33],
    ['target: CRIU', 'runc (pre-restore)', 33, 34],
    ['target: CRIU', 'first process', 34, 42],
    ['target: CRIU', 'descriptors', 42, 51],
    ['target: CRIU', 'runc (post-restore)', 51, 55.5],
    ['target: runc', 'runc, wrapper', 55.5, 61],
  ]);
});

it('takes what is typical of several', () => {
  const piece = (from: number, to: number): Piece => ({ lane: 'coordinator', what: 'to the go', from, to });
  const runs = [[piece(10, 12)], [piece(14, 20)], [piece(11, 12)]];
  expect(typical(runs, (values) => summarise(values).p50)).toEqual([piece(11, 13)]);
});

it('draws them all, whatever they are called', () => {
  const svg = timelineOf([{ lane: 'target: runc', what: 'a < b & c', from: 1, to: 4.25 }], 'A freeze');
  expect(svg).toContain('target: runc · a &lt; b &amp; c');
  expect(svg).toContain('>3.3</text>');
  expect(svg.match(/<rect/g)).toHaveLength(2);
});
