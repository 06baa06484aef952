/** The door for those who may have no certificate: what it shows follows a renewal, and it closes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Server } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listen } from '../../../coordinator/listen.ts';
import { coordinatorName, openIdentity } from '../../../proto/identity.ts';
import { makeCertificates } from '../../lab/certificates.ts';

const silent = { info() {}, warn() {} };
const same = (bytes: Buffer) => bytes;
const at = { host: '127.0.0.1', port: 0 };
let directory: string;
const tls = (set: string, name: string, file = '') => join(directory, set, name, file);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podferry-listen-'));
  for (const set of ['old', 'new']) await makeCertificates(join(directory, set), []);
  await cp(tls('old', coordinatorName), join(directory, 'own'), { recursive: true });
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Of a client that knows one of the two authorities, with a certificate of it or without. */
async function isLetIn(port: number, set: string, certified: boolean): Promise<boolean> {
  const files = ['ca.crt', ...(certified ? ['tls.key', 'tls.crt'] : [])];
  const [ca, key, cert] = await Promise.all(
    files.map(async (file) => await readFile(tls(set, 'client.podferry', file))),
  );
  const by = credentials.createSsl(ca ?? null, key ?? null, cert ?? null);
  const client = new Client(`127.0.0.1:${port}`, by, { 'grpc.ssl_target_name_override': coordinatorName });
  try {
    return await new Promise<boolean>((resolve) =>
      client.makeUnaryRequest('/a/B', same, same, Buffer.alloc(0), { deadline: Date.now() + 3_000 }, (error) =>
        // There is nothing behind the door.
        resolve(error?.details.includes('does not implement') === true),
      ),
    );
  } finally {
    client.close();
  }
}

it('follows its certificates to a new authority, and closes', async () => {
  const identity = openIdentity(join(directory, 'own'), silent, { refreshMs: 10 });
  const server = new Server();
  const listening = await listen(server, at, identity, true);
  const all = async () =>
    await Promise.all(
      ['old', 'new'].flatMap((set) => [isLetIn(listening.port, set, true), isLetIn(listening.port, set, false)]),
    );
  expect(await all()).toEqual([true, true, false, false]);
  await cp(tls('new', coordinatorName), join(directory, 'own'), { recursive: true, force: true });
  await expect.poll(all, { timeout: 10_000 }).toEqual([false, false, true, true]);
  listening.close();
  await new Promise((resolve) => server.tryShutdown(resolve));
  expect(await all()).toEqual([false, false, false, false]);
  identity.close();
});

it('says where it cannot listen', async () => {
  const identity = openIdentity(join(directory, 'own'), silent);
  const [one, other] = [new Server(), new Server()];
  const listening = await listen(one, at, identity, true);
  const { port } = listening;
  await expect(listen(other, { ...at, port }, identity, true)).rejects.toMatchObject({
    reason: 'InvalidArgument',
    message: expect.stringMatching(`cannot listen at 127.0.0.1:${port}: .*EADDRINUSE`),
  });
  listening.close();
  identity.close();
});
