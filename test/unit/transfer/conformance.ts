/** What a transport has to do to be one. Every implementation passes all of it. */
import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { breaks } from './breaks.ts';
import { delivers } from './delivers.ts';
import { refuses } from './refuses.ts';
import { type Kind, makeCertificatesOnce, makeWorld, type World } from './world.ts';

export function conforms(kind: Kind): void {
  let certificates: string;
  let world: World;
  beforeAll(async () => {
    certificates = await makeCertificatesOnce();
  });
  afterAll(async () => {
    await rm(certificates, { recursive: true });
  });
  beforeEach(async () => {
    world = await makeWorld(kind, certificates);
  });
  afterEach(async () => {
    await world.end();
  });
  describe(`${kind} delivers`, () => delivers(() => world));
  describe(`${kind} breaks`, () => breaks(() => world));
  describe(`${kind} refuses`, () => refuses(() => world));
}
