import { expect, it } from 'vitest';
import { parseTarget } from '../../../coordinator/probe/target.ts';
import { checkTiming, parseSpans } from '../../../coordinator/probe/timing.ts';

it.each([
  'tcp://10.0.0.1:80',
  'tcp://[fd00::1]:80',
  'http://web.default.svc',
  'http://web:8080/healthz?full=1',
  'redis://redis-0.redis',
  'redis://10.0.0.1:6380/',
])('takes %s', (url) => {
  expect(parseTarget(url)).toMatchObject({ url });
});

it.each([
  ['10.0.0.1:80', 'it is not a URL'],
  ['', 'it is not a URL'],
  ['tcp://10.0.0.1:99999', 'it is not a URL'],
  ['https://web', 'https is not known'],
  ['constructor://web:1', 'constructor is not known'],
  ['tcp://web', 'it needs a port'],
  ['tcp://web:0', 'it needs a port'],
  ['tcp:web:80', 'it needs a host'],
  ['tcp://we%20b:80', 'it needs a host'],
  ['redis://:secret@web', 'it takes no user or password'],
  ['redis://web/0', 'nothing may follow the port'],
  ['tcp://web:80?x', 'nothing may follow the port'],
])('refuses %s: %s', (url, why) => {
  expect(() => parseTarget(url)).toThrow(`${JSON.stringify(url)} cannot be probed: ${why}`);
});

it('does not repeat all of a hostile one', () => {
  expect(() => parseTarget('x'.repeat(1 << 20))).toThrow(/^.{200,400}$/);
});

it('refuses spans that no timer can wait, all at once', () => {
  expect(() => parseSpans({ interval: '0ms', timeout: 'soon', for: '1000h' })).toThrow(
    /--interval: 0ms .*--timeout: "soon" .*--for: 1000h /,
  );
  expect(parseSpans({ interval: '5ms', for: '20m' })).toEqual({ interval: 5, for: 1_200_000 });
});

it('refuses more attempts at a time than there are sockets', () => {
  expect(checkTiming({ intervalMs: 10, timeoutMs: 5_000 })).toBeDefined();
  expect(() => checkTiming({ intervalMs: 5, timeoutMs: 10_000 })).toThrow('--timeout is 2000 times --interval');
});
