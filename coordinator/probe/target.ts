/** What is probed, as a URL; every mistake in one is found here. */
import { isIP } from 'node:net';
import { Fault } from '../../proto/fault.ts';
import type { Address } from '../settings.ts';
import { httpProbe } from './http.ts';
import type { Probe } from './probe.ts';
import { redisProbe } from './redis.ts';
import { tcpProbe } from './tcp.ts';

export const urlForms = 'tcp://HOST:PORT, http://HOST[:PORT]/PATH or redis://HOST[:PORT]';

export interface Target {
  url: string;
  probe: Probe;
}

interface Kind {
  port?: number;
  hasPath: boolean;
  probe: (address: Address, path: string) => Probe;
}

const kinds: Record<string, Kind> = {
  tcp: { hasPath: false, probe: tcpProbe },
  http: { port: 80, hasPath: true, probe: httpProbe },
  redis: { port: 6379, hasPath: false, probe: redisProbe },
};

/** @throws Fault InvalidArgument */
export function parseTarget(text: string): Target {
  const mistake = (what: string) => {
    // A hostile one may be megabytes long.
    const shown = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
    return new Fault('InvalidArgument', `${shown} cannot be probed: ${what}; write it like ${urlForms}`);
  };
  if (!URL.canParse(text)) throw mistake('it is not a URL');
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  const kind = Object.hasOwn(kinds, scheme) ? kinds[scheme] : undefined;
  if (kind === undefined) throw mistake(`${scheme} is not known`);
  // Not all schemes are the URL parser's own, so it takes nearly anything for a host.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && !/^[\w.-]+$/.test(host)) throw mistake('it needs a host');
  if (url.username !== '' || url.password !== '')
    throw mistake('it takes no user or password (being asked for one counts as an answer)');
  const port = url.port === '' ? kind.port : Number(url.port);
  if (port === undefined || port === 0) throw mistake('it needs a port');
  const path = url.pathname + url.search;
  if (!kind.hasPath && path !== '' && path !== '/') throw mistake('nothing may follow the port');
  return { url: text, probe: kind.probe({ host, port }, path) };
}
