/**
 * Clients that see what becomes of their connections, and a server that sees what becomes of its. Processes of their
 * own, because only they run where a pod can be reached, and what the test does cannot delay them.
 *
 *   node connections.ts call ADDRESS PORT     asks again and again, each time by a new connection
 *   node connections.ts hold ADDRESS PORT     opens one, keeps it, and sends what stdin has, or the same all the time
 *   node connections.ts datagrams ADDRESS PORT   the same by UDP, from one port
 *   node connections.ts listen PORT           accepts and keeps whatever comes
 *
 * stdout: a line of JSON for everything that happens, times in Unix milliseconds. The end of stdin makes it leave.
 */
import { createSocket } from 'node:dgram';
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';

export interface Call {
  began: number;
  ended: number;
  how: 'answered' | 'closed' | 'timeout' | 'refused' | 'reset' | 'unreachable';
  answer: string;
}

interface Calls {
  interval: number;
  timeout: number;
  say?: string;
  count: number;
}

export interface Held {
  at: number;
  event: 'connected' | 'data' | 'closed' | 'refused' | 'reset' | 'timeout' | 'unreachable';
  /** Of what was accepted: a number for each, and who it is. */
  id?: number;
  peer?: string;
}

export interface Datagram {
  sent: number;
  /** Undefined: none came within the time. */
  answered?: number;
  answer?: string;
}

const now = () => performance.timeOrigin + performance.now();
const print = (event: Call | Held | Datagram) => process.stdout.write(`${JSON.stringify(event)}\n`);

const kinds = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
} as const;

function kindOf(error: NodeJS.ErrnoException): (typeof kinds)[keyof typeof kinds] {
  const kind = kinds[error.code as keyof typeof kinds];
  if (kind === undefined) throw error;
  return kind;
}

function callOnce(host: string, port: number, { timeout, say }: { timeout: number; say?: string }): void {
  const began = now();
  const socket = createConnection({ host, port });
  let answer = '';
  const end = (how: Call['how']) => {
    clearTimeout(timer);
    socket.removeAllListeners('close').destroy();
    print({ began, ended: now(), how, answer: answer.trim() });
  };
  const timer = setTimeout(() => end('timeout'), timeout);
  if (say !== undefined) socket.write(`${say}\r\n`);
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.on('error', (error) => end(kindOf(error)));
  socket.on('close', () => end(answer.endsWith('\n') ? 'answered' : 'closed'));
}

function watch(socket: Socket, more: Pick<Held, 'id' | 'peer'> = {}): void {
  let said = false;
  const say = (event: Held['event']) => {
    if (!said) print({ at: now(), event, ...more });
    said = event !== 'data' && event !== 'connected';
  };
  socket.on('connect', () => say('connected'));
  socket.on('data', () => say('data'));
  socket.on('error', (error) => say(kindOf(error)));
  socket.on('end', () => say('closed'));
  socket.on('close', () => say('closed'));
}

const program = new Command('connections');
const leaving = new AbortController();
process.stdin.resume().on('end', () => leaving.abort());

program
  .command('call <address> <port>')
  .option('--interval <ms>', 'from one to the next, whatever has become of the one before', Number, 5)
  .option('--timeout <ms>', 'of one', Number, 10_000)
  .option('--say <line>', 'where nobody answers who is not asked')
  .option('--count <calls>', 'after which no more are made', Number, Infinity)
  .action(async (address: string, port: string, { interval, count, ...each }: Calls) => {
    let due = now();
    for (let made = 0; made < count && !leaving.signal.aborted; made += 1) {
      callOnce(address, Number(port), each);
      due += interval;
      await sleep(Math.max(0, due - now()));
    }
  });

program
  .command('hold <address> <port>')
  .option('--say <line>', 'again and again')
  .option('--interval <ms>', 'from one to the next', Number, 20)
  .action((address: string, port: string, { say, interval }: { say?: string; interval: number }) => {
    const socket = createConnection({ host: address, port: Number(port) });
    watch(socket);
    process.stdin.on('data', (bytes: Buffer) => socket.write(bytes));
    if (say !== undefined) {
      const saying = setInterval(() => socket.write(`${say}\r\n`), interval);
      socket.on('close', () => clearInterval(saying));
    }
    leaving.signal.addEventListener('abort', () => socket.destroy());
  });

program
  .command('datagrams <address> <port>')
  .option('--interval <ms>', 'from one to the next', Number, 10)
  .action(async (address: string, port: string, { interval }: { interval: number }) => {
    const socket = createSocket('udp4');
    const waiting = new Map<string, number>();
    socket.on('message', (message) => {
      const [number = '', answer = ''] = message.toString().trim().split(' ');
      const sent = waiting.get(number);
      if (sent !== undefined && waiting.delete(number)) print({ sent, answered: now(), answer });
    });
    // An ICMP error for one that nobody takes.
    socket.on('error', () => {});
    for (let number = 0; !leaving.signal.aborted; number += 1) {
      waiting.set(String(number), now());
      socket.send(String(number), Number(port), address);
      await sleep(interval);
    }
    await sleep(500);
    for (const sent of waiting.values()) print({ sent });
    socket.close();
  });

program.command('listen <port>').action((port: string) => {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const who = { id: (count += 1), peer: socket.remoteAddress ?? '' };
    print({ at: now(), event: 'connected', ...who });
    watch(socket, who);
    sockets.add(socket);
  });
  server.listen(Number(port), '0.0.0.0');
  leaving.signal.addEventListener('abort', () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
});

await program.parseAsync();
