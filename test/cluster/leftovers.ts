import { expect } from 'vitest';
import type { Lab } from '../lab/index.ts';
import { leftoversOf } from '../lab/leftovers.ts';

export async function expectNothingLeft(lab: Lab): Promise<void> {
  expect(await leftoversOf(lab)).toEqual([]);
}
