/** Each kind of probe against servers that answer, refuse, hang, reset and close: what counts as which. */
import { afterEach, describe, expect, it } from 'vitest';
import { Missed, missOf, type Probe } from '../../../coordinator/probe/probe.ts';
import { parseTarget } from '../../../coordinator/probe/target.ts';
import { FakeRedis } from '../fake-redis.ts';
import { answerHttp, listen } from './local-server.ts';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(undo.splice(0).map(async (each) => await each()));
});

async function serve(answer: Parameters<typeof listen>[0]): Promise<number> {
  const server = await listen(answer);
  undo.push(server.goAway);
  return server.port;
}

async function redis(set: Partial<FakeRedis> = {}): Promise<number> {
  const one = Object.assign(new FakeRedis(), set);
  undo.push(async () => await one.stop());
  return await one.listen('127.0.0.1');
}

/** One that nobody listens at. */
async function deserted(): Promise<number> {
  const server = await listen(() => {});
  await server.goAway();
  return server.port;
}

const probe = (url: string): Probe => parseTarget(url).probe;

/** @returns 'success', or how it was missed */
async function outcome(url: string, timeoutMs = 10_000): Promise<string> {
  const ends = new AbortController();
  const timer = setTimeout(() => ends.abort(new Missed('timeout', 'no answer')), timeoutMs);
  try {
    await probe(url).attempt(ends.signal);
    return 'success';
  } catch (error) {
    if (!(error instanceof Missed)) throw error;
    return error.kind;
  } finally {
    clearTimeout(timer);
  }
}

describe('tcp', () => {
  it('is content with a connection', async () => {
    const port = await serve((socket) => socket.resume());
    expect(await outcome(`tcp://127.0.0.1:${port}`)).toBe('success');
  });

  it('is refused where nobody listens', async () => {
    expect(await outcome(`tcp://127.0.0.1:${await deserted()}`)).toBe('refused');
  });
});

describe('http', () => {
  it.each([
    ['200 OK', 'success'],
    ['302 Found', 'success'],
    ['404 Not Found', 'success'],
    ['500 Internal Server Error', 'rejected'],
    ['503 Service Unavailable', 'rejected'],
  ])('%s: %s, and does not wait for the body', async (status, expected) => {
    const port = await serve((socket) => answerHttp(socket, status));
    expect(await outcome(`http://127.0.0.1:${port}/`)).toBe(expected);
  });

  it('asks for the path and its query, on a connection of its own', async () => {
    const asked: string[] = [];
    const port = await serve((socket) => {
      socket.once('data', (data: Buffer) => asked.push(data.toString('latin1')));
      answerHttp(socket, '200 OK');
    });
    const asking = probe(`http://127.0.0.1:${port}/healthz?full=1`);
    await asking.attempt(new AbortController().signal);
    await asking.attempt(new AbortController().signal);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatch(/^GET \/healthz\?full=1 HTTP\/1\.1\r\n/);
    expect(asked[0]).toMatch(new RegExp(`^host: 127\\.0\\.0\\.1:${port}\r$`, 'im'));
  });

  it.each([
    ['closed', 'closed', (socket) => void socket.once('data', () => socket.end())],
    ['reset', 'reset', (socket) => void socket.once('data', () => socket.resetAndDestroy())],
    ['something else than HTTP', 'rejected', (socket) => void socket.write('SSH-2.0-dropbear\r\n')],
    ['silence', 'timeout', (socket) => void socket.resume()],
  ] satisfies [string, string, Parameters<typeof listen>[0]][])('%s: %s', async (_what, expected, answer) => {
    expect(await outcome(`http://127.0.0.1:${await serve(answer)}/`, 500)).toBe(expected);
  });

  it('is refused where nobody listens', async () => {
    expect(await outcome(`http://127.0.0.1:${await deserted()}/`)).toBe('refused');
  });
});

describe('redis', () => {
  it.each([
    ['+PONG', 'success'],
    ['-NOAUTH Authentication required.', 'success'],
    ['-LOADING Redis is loading the dataset in memory', 'rejected'],
    ['-MASTERDOWN Link with MASTER is down', 'rejected'],
    ['HTTP/1.1 400 Bad Request', 'rejected'],
  ])('%s: %s', async (pong, expected) => {
    expect(await outcome(`redis://127.0.0.1:${await redis({ pong })}`)).toBe(expected);
  });

  it.each([
    ['silent', 'timeout'],
    ['reset', 'reset'],
    ['close', 'closed'],
  ] as const)('%s: %s', async (fault, expected) => {
    expect(await outcome(`redis://127.0.0.1:${await redis({ fault })}`, 500)).toBe(expected);
  });

  it('puts an answer together from its pieces, and has enough of one without an end', async () => {
    const pieces = await serve((socket) => {
      socket.setNoDelay(true).write('+PO');
      setTimeout(() => socket.write('NG\r\n'), 50);
    });
    expect(await outcome(`redis://127.0.0.1:${pieces}`)).toBe('success');
    const endless = await serve((socket) => void socket.write('x'.repeat(100_000)));
    expect(await outcome(`redis://127.0.0.1:${endless}`)).toBe('rejected');
  });

  it('is refused where nobody listens', async () => {
    expect(await outcome(`redis://127.0.0.1:${await deserted()}`)).toBe('refused');
  });
});

it('takes no error of this machine for one of the pod', () => {
  const { signal } = new AbortController();
  const failed = (code: string) => Object.assign(new Error(code), { code });
  expect(missOf(failed('EHOSTUNREACH'), signal)).toMatchObject({ kind: 'unreachable' });
  expect(missOf(failed('ENOTFOUND'), signal)).toMatchObject({ kind: 'unreachable' });
  for (const code of ['EMFILE', 'EADDRNOTAVAIL']) {
    const error = failed(code);
    expect(missOf(error, signal)).toBe(error);
  }
});
