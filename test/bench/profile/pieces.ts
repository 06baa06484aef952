/**
 * What a freeze was made of: the agents' own moments, and between them what CRIU says of itself in its logs. Pure. The
 * clocks of a lab's nodes are one.
 */

export interface Piece {
  /** Who was at work. Several may be at the same time. */
  lane: 'source: CRIU' | 'source: agent' | 'coordinator' | 'target: CRIU' | 'target: runc';
  what: string;
  /** Milliseconds since the pod stood still. */
  from: number;
  to: number;
}

/** A log of CRIU. */
export interface Log {
  text: string;
  /** When it began, in Unix milliseconds: the times in it count from there. */
  bornMs: number;
}

/** A piece begins with the first line that matches, and ends where the next one begins. Of CRIU 4. */
type Landmarks = readonly (readonly [what: string, line: RegExp])[];

const dumpLandmarks: Landmarks = [
  ['inventory', /irmap: Searching irmap cache in work dir/],
  ['freezer, seizing', /freezing cgroup/],
  ['mounts and sockets', /Collected \d+ in \d+ state/],
  ['mappings', /Collecting mappings/],
  ['parasite', /Parasite syscall_ip/],
  ['descriptors', /Dumping opened files/],
  ['memory', /Dumping pages \(type/],
  ['cgroups', /Dumping core \(pid/],
  ['threads', /Dumping core for thread/],
  ['paths and locks', /Dumping mm \(pid/],
  ['namespaces', /Dumping \d+\(\d+\)'s namespaces/],
  ['post-dump hook', /Running post-dump scripts/],
];

const restoreLandmarks: Landmarks = [
  ['images', /Dump CRIU run id|Reading image tree/],
  ['cgroups', /cg: Preparing cgroups yard/],
  ['runc (pre-restore)', /Running pre-restore scripts/],
  ['mount images', /mnt: Reading mountpoint images/],
  ['first process', /Forking task with/],
  ['runc (setup-namespaces)', /Running setup-namespaces scripts/],
  ['session, cgroups', /cg: Move into/],
  ['mounts', /mnt: Restoring mount namespace/],
  ['runc (post-setup-namespaces)', /Running post-setup-namespaces scripts/],
  ['mappings and pages', /Found \d+ VMAs in image/],
  ['descriptors', /Opening fdinfo-s/],
  ['restorer', /^pie: /],
  ['runc (post-restore)', /Running post-restore scripts/],
  ['seccomp, letting go', /net: Unlock network/],
  ['runc (pre-resume)', /Running pre-resume scripts/],
];

/** @param moments in Unix milliseconds, as `kubectl migrate -o json` has them */
export function piecesOf(moments: Readonly<Record<string, number>>, logs: { dump: Log; restore: Log }): Piece[] {
  const at = (name: string) => moments[name] ?? Number.NaN;
  const [frozen, dumped, go, running] = [at('frozen'), at('dumped'), at('go'), at('running')];
  const resumed = timesOf(logs.restore, [['', /Tasks resumed/]], go)[0]?.at ?? running;
  const spans: [Piece['lane'], string, number, number][] = [
    ...steps('source: CRIU', 'pre-dump hook', frozen, timesOf(logs.dump, dumpLandmarks, frozen), dumped),
    ['source: agent', 'last memory', Math.max(dumped, at('files-sent')), at('memory-sent')],
    ['source: agent', 'images', at('memory-sent'), at('images-sent')],
    ['source: agent', 'receipt, CRIU ends', at('images-sent'), at('sent')],
    ['coordinator', 'to the commit', at('sent'), at('committed')],
    ['coordinator', 'to the go', at('committed'), go],
    ...steps('target: CRIU', 'go', go, timesOf(logs.restore, restoreLandmarks, go), resumed),
    ['target: runc', 'runc, wrapper', resumed, running],
  ];
  return spans.map(([lane, what, from, to]) => ({ lane, what, from: from - frozen, to: to - frozen }));
}

function steps(
  lane: Piece['lane'],
  first: string,
  begin: number,
  times: readonly { what: string; at: number }[],
  end: number,
): [Piece['lane'], string, number, number][] {
  const all = [{ what: first, at: begin }, ...times];
  return all.map(({ what, at }, index) => [lane, what, at, all[index + 1]?.at ?? end]);
}

/** In their order; a landmark that this log does not have, or has before the one ahead of it, is left out. */
function timesOf({ text, bornMs }: Log, landmarks: Landmarks, after: number): { what: string; at: number }[] {
  const lines = text.split('\n').flatMap((line) => {
    const [, seconds, said] = /^\((\d+\.\d+)\) *(.*)$/.exec(line) ?? [];
    const at = bornMs + Number(seconds) * 1_000;
    // The log's birth is known a little less exactly than its times.
    return said === undefined || at < after - 2 ? [] : [{ at: Math.max(at, after), said }];
  });
  const found: { what: string; at: number }[] = [];
  let next = 0;
  for (const [what, landmark] of landmarks) {
    const index = lines.findIndex(({ said }, line) => line >= next && landmark.test(said));
    const line = lines[index];
    if (line === undefined) continue;
    found.push({ what, at: line.at });
    next = index + 1;
  }
  return found;
}

/** Of several freezes: each piece where it usually was. Pieces keep the order of the first. */
export function typical(runs: readonly (readonly Piece[])[], median: (values: readonly number[]) => number): Piece[] {
  const [first = []] = runs;
  return first.map(({ lane, what }) => {
    const same = runs.flatMap((run) => run.filter((piece) => piece.lane === lane && piece.what === what));
    const from = median(same.map((piece) => piece.from));
    return { lane, what, from, to: from + median(same.map((piece) => piece.to - piece.from)) };
  });
}
