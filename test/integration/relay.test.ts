/**
 * The namespace that a pod has left forwards for its own connections and for nobody else: it is no gateway, tells whoever
 * knocks at a closed port so, and gives nothing of a connection to anybody but its own peer.
 */
import { afterEach, expect, it } from 'vitest';
import { addressOf, open } from '../lab/index.ts';
import { Client } from './client.ts';
import { redirectionOf } from './left-behind.ts';
import { execIn, move, type Moved, type Placed, Pods } from './migrate.ts';
import { OpenConnection } from './open-connection.ts';

const lab = open();
const pods = new Pods(lab);
const connections: OpenConnection[] = [];

afterEach(async () => {
  await Promise.all(connections.splice(0).map(async (each) => await each.close()));
  await pods.remove();
});

interface Left {
  former: Placed;
  moved: Moved;
  kept: OpenConnection;
  /** Another pod at the node that it has left. */
  neighbour: Placed;
}

async function left(): Promise<Left> {
  const former = await pods.run({ name: 'redis', image: 'redis' });
  const neighbour = await pods.run({ name: 'neighbour', image: 'counter' });
  await expect.poll(async () => await execIn(lab, former, ['redis-cli', 'ping']).catch(String)).toBe('PONG\n');
  const kept = await OpenConnection.silent(lab, former.ip);
  connections.push(kept);
  const moved = await move(lab, former, { wait: 'moved', flags: ['--connection-linger', 'unlimited'] });
  return { former, moved, kept, neighbour };
}

const withinPod = ({ node, pid }: Placed, argv: readonly string[], stdin?: string) =>
  lab.exec(node, ['nsenter', `--net=/proc/${pid}/ns/net`, '--', ...argv], stdin === undefined ? {} : { stdin });

const knock = async (from: Placed, address: string, port: number) =>
  (await withinPod(from, ['timeout', '2', 'bash', '-c', ': <"/dev/tcp/$0/$1"', address, String(port)])).code;

it('it is no gateway to anything, not even to where its pod is', async () => {
  const { former, moved, kept, neighbour } = await left();
  const server = Client.start(lab, 'listen', 9100);
  const places: [address: string, port: number][] = [
    [addressOf('control'), 9100],
    [moved.ip, 6379],
  ];
  for (const [address, port] of places) {
    await expect.poll(async () => await knock(neighbour, address, port), { timeout: 10_000 }).toBe(0);
    const { code, stderr } = await withinPod(neighbour, ['ip', 'route', 'add', address, 'via', former.ip]);
    expect(code, stderr).toBe(0);
    expect(await knock(neighbour, address, port)).not.toBe(0);
  }
  expect((await server.stop()).filter(({ event }) => event === 'connected')).toHaveLength(1);
  expect(await kept.fate()).toBe('goes on');
});

it('a port where the pod does not listen refuses, at the old address as at the new one', async () => {
  const { former, moved } = await left();
  for (const ip of [former.ip, moved.ip]) {
    const caller = Client.start(lab, 'call', ip, 9999, '--interval', 100, '--timeout', 3_000);
    await expect.poll(() => caller.events.length, { timeout: 10_000 }).toBeGreaterThan(2);
    expect(new Set((await caller.stop()).map(({ how }) => how))).toEqual(new Set(['refused']));
  }
});

it('whoever uses a kept connection’s ports from another address has a connection of their own', async () => {
  const { former, moved, kept, neighbour } = await left();
  const [{ remote, local } = { remote: undefined, local: undefined }] = redirectionOf(lab, moved).kept;
  const port = String(remote?.port);
  const script = `
use strict; use IO::Socket::INET;
my ($own, $address, $port) = @ARGV;
my $socket = IO::Socket::INET->new(LocalPort => $own, PeerAddr => $address, PeerPort => $port, Timeout => 5) or die "$!\\n";
print $socket "CLIENT INFO\\r\\n";
sysread($socket, my $answer, 4096);
print $answer;
`;
  const own = await withinPod(neighbour, ['perl', '-e', script, port, former.ip, String(local?.port)]);
  expect(own.stdout, own.stderr).toContain(`addr=${former.ip}:`);
  expect(own.stdout).not.toContain(`addr=${former.ip}:${port} `);
  // In the middle of a connection that it does not have.
  const stray = ['perl', '/opt/podferry/agent/connections/nudge.pl', '1'];
  const { code, stderr } = await withinPod(neighbour, stray, `${neighbour.ip} ${port} ${former.ip} ${local?.port}\n`);
  expect(code, stderr).toBe(0);
  expect(await kept.fate()).toBe('goes on');
});
