/** Which CRIU will do: its images are read and changed. */
import { expect, it } from 'vitest';
import { againstCriu } from '../../../agent/preflight/versions.ts';

it.each(['4.0', '4.2', '4.2.1', '4.10', '4.3-dev'])('CRIU %s will do', (version) => {
  expect(againstCriu(version)).toBeUndefined();
});

it.each([
  ['3.19', '3.19 is too old: 4.0 or newer is needed'],
  ['3.17.1', '3.17.1 is too old: 4.0 or newer is needed'],
  ['5.0', '5.0 is too new: the format of its images is known up to 4.x only'],
  ['5', '5 is too new: the format of its images is known up to 4.x only'],
  ['10.1', '10.1 is too new: the format of its images is known up to 4.x only'],
])('CRIU %s will not', (version, why) => {
  expect(againstCriu(version)).toBe(why);
});
