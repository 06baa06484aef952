import { setTimeout as sleep } from 'node:timers/promises';
import type { Addresses } from '../clients/addresses.ts';
import type { Lab } from '../lab/index.ts';

/** Resolves when every server takes connections. */
export async function untilListening(lab: Lab, at: Addresses, patienceMs = 20_000): Promise<void> {
  const until = performance.now() + patienceMs;
  const places = [
    at.redis,
    at.redis && { host: at.redis.host, port: at.redis.tlsPort },
    at.http,
    at.postgres,
    at.ssh,
    at.dns,
    at.edge,
  ];
  for (const place of places) {
    if (place === undefined) continue;
    const { host, port } = place;
    while (
      (await lab.exec('control', ['timeout', '2', 'bash', '-c', ': <"/dev/tcp/$0/$1"', host, String(port)])).code !== 0
    ) {
      if (performance.now() > until) throw new Error(`nothing listens on ${host}:${port} within ${patienceMs} ms`);
      await sleep(50);
    }
  }
}
