/** Memory that comes when it is asked for, with a real userfaultfd; CRIU and the agent are played. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { appeared } from '../../../agent/journal/appeared.ts';

const filler = join(import.meta.dirname, '../../../agent/target/lazy-pages.pl');
const restored = join(import.meta.dirname, 'lazy-process.pl');
const pageBytes = 4096;
const pages = 2048;

let directory: string;
let server: Server | undefined;
let children: ChildProcess[];
let groups: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podferry-lazy-'));
  children = [];
  groups = [];
});

afterEach(() => {
  server?.close();
  for (const child of children) child.kill('SIGKILL');
  for (const group of groups) rmdirSync(group);
  rmSync(directory, { recursive: true, force: true });
});

interface Played {
  child: ChildProcess;
  lines: Interface;
  from: number;
}

/** A restored process whose memory is missing, and who fills it in. */
async function play(patienceSeconds: number): Promise<Played & { filling: ChildProcess }> {
  const filling = spawn('perl', [filler, directory, String(patienceSeconds)], { stdio: 'inherit' });
  children.push(filling);
  await appeared(join(directory, 'lazy-pages.socket'), AbortSignal.timeout(5_000));
  const socket = join(directory, 'lazy-pages.socket');
  const child = spawn('perl', [restored, socket, String(pages)], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const from = Number(line.split(' ')[1]);
  writeFileSync(
    join(directory, 'lazy-ranges'),
    `${child.pid} ${from} ${from + 100 * pageBytes}\n${child.pid} ${from + 100 * pageBytes} ${from + pages * pageBytes}\n`,
  );
  return { child, lines, from, filling };
}

/** The agent. @param answers how many questions it answers over one connection */
async function serve(from: () => number, answers: number): Promise<{ connections: () => number }> {
  let connections = 0;
  const answer = (socket: Socket) => {
    connections += 1;
    let left = answers;
    let rest = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= 28 && left > 0; rest = rest.subarray(28)) {
        const [at, bytes] = [Number(rest.readBigUInt64LE(8)), Number(rest.readBigUInt64LE(16))];
        const made = Buffer.alloc(16 + bytes, 0xee);
        rest.copy(made, 0, 0, 8);
        made.writeBigUInt64LE(BigInt(bytes), 8);
        for (let page = 0; page < bytes / pageBytes; page += 1)
          made.writeUInt32LE((at - from()) / pageBytes + page, 16 + page * pageBytes);
        left -= 1;
        // The last one in half, which is nothing.
        if (left === 0) socket.end(made.subarray(0, made.length / 2));
        else socket.write(made);
      }
    });
  };
  server = createServer(answer).listen(join(directory, 'pages.socket'));
  await once(server, 'listening');
  return { connections: () => connections };
}

it('fills in what is touched and all the rest, where it is mapped by now, also for a child', async () => {
  let from = 0;
  const { connections } = await serve(() => from, Number.POSITIVE_INFINITY);
  const played = await play(20);
  from = played.from;
  played.child.stdin?.write('go\n');
  expect(await once(played.lines, 'line')).toEqual(['right']);
  expect(await once(played.filling, 'exit')).toEqual([0, null]);
  expect(existsSync(join(directory, 'lazy-done'))).toBe(true);
  expect(connections()).toBe(1);
});

it('asks again for what a lost connection has not brought', async () => {
  let from = 0;
  const { connections } = await serve(() => from, 4);
  const played = await play(20);
  from = played.from;
  played.child.stdin?.write('go\n');
  expect(await once(played.lines, 'line')).toEqual(['right']);
  expect(await once(played.filling, 'exit')).toEqual([0, null]);
  expect(connections()).toBeGreaterThan(1);
});

it('kills the container when nothing comes, and not before it has been patient', async () => {
  let from = 0;
  await serve(() => from, 3);
  const played = await play(1);
  from = played.from;
  bundleOf(played.child);
  // There is no second connection.
  server?.on('connection', () => server?.close());
  played.child.stdin?.write('go\n');
  expect(await once(played.child, 'exit')).toEqual([null, 'SIGKILL']);
  expect(await once(played.filling, 'exit')).toEqual([0, null]);
  expect(existsSync(join(directory, 'lazy-lost'))).toBe(true);
  expect(existsSync(join(directory, 'lazy-done'))).toBe(false);
});

it('kills the container when the one who fills it in is killed: it never goes on with zeros', async () => {
  const played = await play(20);
  bundleOf(played.child);
  played.child.stdin?.write('go\n');
  await appeared(join(directory, 'lazy-restore'), AbortSignal.timeout(5_000));
  const { stdout } = spawn('pgrep', ['-P', String(played.filling.pid)]);
  const [worker] = (await once(createInterface({ input: stdout }), 'line')) as [string];
  process.kill(Number(worker), 'SIGKILL');
  expect(await once(played.child, 'exit')).toEqual([null, 'SIGKILL']);
  await once(played.filling, 'exit');
  expect(existsSync(join(directory, 'lazy-lost'))).toBe(true);
});

/** A cgroup of its own, and what says that it is the container's. */
function bundleOf({ pid }: ChildProcess): void {
  const [version1, version2] = ['/sys/fs/cgroup/freezer', '/sys/fs/cgroup'] as const;
  const group = join(existsSync(version1) ? version1 : version2, `podferry-lazy-${pid}`);
  mkdirSync(group);
  writeFileSync(join(group, 'cgroup.procs'), String(pid));
  groups.push(group);
  mkdirSync(join(directory, 'oci'));
  writeFileSync(join(directory, 'oci/init.pid'), String(pid));
  symlinkSync(join(directory, 'oci'), join(directory, 'bundle'));
}
