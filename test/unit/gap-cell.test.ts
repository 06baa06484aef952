/** What the bench makes of its runs: which gap is the freeze's own, what is above it, and what counts as an error. */
import { expect, it } from 'vitest';
import { cellOf, type Measured, told } from '../bench/gap-cell.ts';

const of = { workload: 'pod', way: 'podferry', client: 'kept', sizeMb: 15 } as const;
const frozen = 1_000_000;
const nothing = {
  lost: 0,
  retries: 0,
  refused: 0,
  resets: 0,
  closes: 0,
  timeouts: 0,
  unreachable: 0,
  rejected: 0,
};

/** Frozen for 100 ms, passed 10 ms later. @param beganMs before it was frozen */
function move(beganMs: number, gapMs: number, more: Partial<Measured['summary']> = {}): Measured {
  return {
    summary: { ...nothing, maxGapMs: gapMs, gapBeganUnixMs: frozen - beganMs, ...more },
    moved: { freezeMs: 100, moments: { holding: frozen - 2, frozen, running: frozen + 100, passed: frozen + 110 } },
  };
}

it('a gap is made of what lies between the moments of its own move', () => {
  expect(cellOf(of, [move(5, 130)])).toMatchObject({
    p50: 130,
    freezeMs: 100,
    overFreezeMs: { p50: 30, p95: 30, min: 30, max: 30 },
    parts: { forwarding: 5, frozen: 100, passing: 10, client: 15 },
  });
});

it('a gap of another time counts, but is not made of these parts', () => {
  const cell = cellOf(of, [move(5, 130), move(-500, 300), move(900, 400)]);
  expect(cell).toMatchObject({ max: 400, overFreezeMs: { min: 30, max: 300 }, parts: { forwarding: 5, client: 15 } });
});

it('errors and losses are those of all runs', () => {
  const runs = [
    move(5, 130, { retries: 2, resets: 1, refused: 1 }),
    move(5, 130),
    move(5, 130, { retries: 1, lost: 3 }),
  ];
  expect(cellOf(of, runs)).toMatchObject({ n: 3, errors: 3, lost: 3 });
});

it('what was made again was not frozen', () => {
  const { summary } = move(5, 1_000);
  const cell = cellOf({ ...of, way: 'recreate' }, [{ summary }]);
  expect(cell).toMatchObject({ p50: 1_000, errors: 0 });
  expect(Object.keys(cell)).not.toEqual(expect.arrayContaining(['freezeMs']));
  expect(Object.keys(cell)).not.toEqual(expect.arrayContaining(['overFreezeMs']));
});

it('a gap that the freeze does not explain is told with the moments around it', () => {
  expect(told(move(5, 130))).toBe('130 ms without an answer, 30 more than frozen');
  expect(told(move(5, 250))).toBe(
    '250 ms without an answer, 150 more than frozen: ' +
      'THE GAP BEGINS -5, holding -2, frozen 0, running 100, passed 110, IT ENDS 245',
  );
});

it('so is an error', () => {
  const failed = { firstUnixMs: frozen + 900, lastUnixMs: frozen + 950 };
  expect(told(move(5, 130, { retries: 2, resets: 1, refused: 1, failed }))).toBe(
    '130 ms without an answer, 1 refused, 1 reset, 30 more than frozen: THE GAP BEGINS -5, holding -2, frozen 0, ' +
      'running 100, passed 110, IT ENDS 125, FIRST ERROR 900, LAST ERROR 950',
  );
});
