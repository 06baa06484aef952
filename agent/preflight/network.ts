/** What this node's kernel can do for the connections of a pod that leaves: tried, in a network namespace of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HandOver, leaveTo, passOver, silence } from '../connections/address-rules.ts';
import type { Connection, Move } from '../connections/connection.ts';
import { holdAll, holdNew, mostPackets, plugDevice, redirect, stayUntracked } from '../connections/rules.ts';
import { run } from '../runtime/command.ts';

/**
 * `translate`: open connections can be kept; `plug`: what comes while the pod stands still can be held; `keep-address`:
 * and where it has gone to another node with its address, it can be sent after it.
 */
export type NetworkFeature = 'translate' | 'plug' | 'keep-address';

const plug = join(import.meta.dirname, '../connections/plug.pl');
/** Of documentation's own ranges: nobody is there. */
const sample: Move[] = [{ family: 'ip', from: '192.0.2.1', to: '192.0.2.2' }];
const mac = '02:00:00:00:00:01';
const moved: Move[] = [
  { family: 'ip', from: '192.0.2.1', to: '192.0.2.1' },
  { family: 'ip6', from: '2001:db8::1', to: '2001:db8::1' },
];
const handOver: HandOver = { device: 'veth0', mac, targetMac: '02:00:00:00:00:02' };
const closed: Connection[] = moved.map(({ from }) => ({
  local: { address: from, port: 80 },
  remote: { address: from, port: 1_024 },
}));
const letMove = [
  holdNew('veth0', moved) + holdAll(moved) + leaveTo(moved, handOver, closed),
  passOver(moved, handOver, closed),
  silence(
    'trial',
    moved.map(({ from }) => from),
    { mac, wholly: true },
  ),
];

export async function networkFeatures(): Promise<NetworkFeature[]> {
  const directory = mkdtempSync(join(tmpdir(), 'podferry-network-'));
  const withPlug = (name: string) => {
    const fifo = join(directory, name);
    return [
      `mkfifo ${fifo} ${fifo}.ready`,
      `perl ${plug} ${plugDevice} ${mac} ${fifo} ${mostPackets} 5 >${fifo}.ready &`,
      // Its word, or its end.
      `read -r word <${fifo}.ready`,
      'nft -f -; code=$?',
      `echo end 1<>${fifo}; wait; exit $code`,
    ].join('\n');
  };
  const tries: [NetworkFeature, string, string][] = [
    ['translate', 'exec nft -f -', stayUntracked(sample) + redirect(sample, { keeps: true, plugged: true })],
    ['plug', withPlug('plug'), holdNew('veth0', sample) + holdAll(sample)],
    ['keep-address', withPlug('keep-address'), letMove.join('')],
  ];
  try {
    const found = await Promise.all(
      tries.map(async ([feature, script, stdin]) => {
        const argv = [
          'unshare',
          '--net',
          '--',
          '/bin/sh',
          '-c',
          `ip link add veth0 type veth peer name veth1\n${script}`,
        ] as const;
        return await run(argv, { reason: 'NetworkUnavailable', what: feature, stdin }).then(
          () => [feature],
          () => [],
        );
      }),
    );
    return found.flat();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
