/**
 * Clients in a process of their own: only there can pods be reached, and what the test does cannot delay them.
 *
 *   node main.ts COUNT REST [KIND …]
 *
 * REST: milliseconds after each exchange, beside what a client rests by itself.
 * stdin: Addresses as a line of JSON; then "tally" asks how they are; another line of Addresses, or the end, stops them.
 * stdout: a line of JSON with a Report of each client when all work, whenever it is asked, and at the end.
 */
import { createInterface } from 'node:readline';
import type { Addresses } from './addresses.ts';
import { type Kind, openBunch } from './bunch.ts';
import type { OpenClient, Tally } from './client.ts';

export interface Report extends Tally {
  kind: string;
  errors: readonly string[];
}

const report = (clients: readonly OpenClient[]) => {
  const reports = clients.map(({ kind, tally, errors }): Report => ({ kind, ...tally, errors: [...errors] }));
  process.stdout.write(`${JSON.stringify(reports)}\n`);
};

if (import.meta.main) {
  const [count = '', rest = '', ...kinds] = process.argv.slice(2);
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => (await lines.next()).value ?? '';
  let at = JSON.parse(await next()) as Addresses;
  const clients = await openBunch(at, Number(count), kinds.length === 0 ? undefined : (kinds as Kind[]));
  for (const client of clients) client.start(Number(rest));
  report(clients);
  let line = await next();
  for (; line === 'tally'; line = await next()) report(clients);
  if (line !== '') at = JSON.parse(line) as Addresses;
  await Promise.all(clients.map(async (client) => await client.stop(at)));
  report(clients);
  // Whatever a client has left open must not keep the test waiting.
  process.exit(0);
}
