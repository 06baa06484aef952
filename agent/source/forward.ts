/**
 * Cut-over that needs nothing of CNI, kubelet or kube-proxy: the source pod's own network namespace forwards new
 * connections to the target. The rule has to stand before the freeze, because a frozen pod's kernel still completes
 * handshakes into a backlog that nobody will serve.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { isIPv4, isIPv6 } from 'node:net';
import { Fault } from '../../proto/fault.ts';
import { plant, quote } from '../journal/planted.ts';
import type { SidePaths } from '../paths.ts';
import { run } from '../runtime/command.ts';

const table = 'podferry';

/** The pod's own: it may forward already, so they are set back to what they were. */
const switches = ['/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding'];

const eachSwitch = (act: string) => `for f in ${switches.join(' ')}; do [ ! -e $f ] || ${act}; done`;

/** nft inside the pod's network namespace, started, its ruleset not yet given. */
export interface WaitingForward {
  /** Sets the rules, in one transaction. */
  set(): Promise<void>;
  /** Leaves without having set anything. */
  cancel(): void;
}

/** Of a pod that stays: who comes while it stands still is answered when it runs again. */
export const nowhere: WaitingForward = { set: () => Promise.resolve(), cancel: () => {} };

function rules(from: string, to: string): string {
  const family = isIPv4(from) && isIPv4(to) ? 'ip' : isIPv6(from) && isIPv6(to) ? 'ip6' : undefined;
  if (family === undefined) {
    throw new Fault('FreezeFailed', `cannot forward from ${from} to ${to}: both must be of one IP version`);
  }
  // Only a connection's first packet: conntrack knows nothing of connections that are older than these rules, and would
  // take their next packet for a new one.
  return `
table ${family} ${table} {
  chain prerouting {
    type nat hook prerouting priority dstnat
    ${family} daddr ${from} tcp flags & (fin | syn | rst | ack) == syn dnat to ${to}
    ${family} daddr ${from} meta l4proto udp dnat to ${to}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ct status dnat ${family} daddr ${to} masquerade
  }
}
`;
}

/**
 * Starts what will set the rules, so that setting them costs no start of a process.
 *
 * @param netns path of the pod's network namespace
 */
export async function prepareForward(
  paths: SidePaths,
  netns: string,
  from: string,
  to: string,
): Promise<WaitingForward> {
  const ruleset = rules(from, to);
  const within = (script: string) => ['nsenter', `--net=${netns}`, '--', '/bin/sh', '-c', script] as const;
  const asTheyWere = await run(within(eachSwitch('echo "echo $(cat $f) >$f"')), {
    reason: 'FreezeFailed',
    what: `asking ${netns} whether it forwards`,
  });
  const undo = `nft destroy table ip ${table}; nft destroy table ip6 ${table}\n${asTheyWere}`;
  plant(paths, 'forwarding', `[ ! -e ${quote(netns)} ] || ${within(undo).map(quote).join(' ')}`);
  const [program, ...rest] = within(`${eachSwitch('echo 1 >$f')}; exec nft -f -`);
  const child = spawn(program, rest, { stdio: ['pipe', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {});
  const ended = endOf(child);
  return {
    async set() {
      child.stdin.end(ruleset);
      const code = await ended;
      if (code !== 0) {
        throw new Fault(
          'FreezeFailed',
          `forwarding from ${from} to ${to} could not be set in ${netns}: ${stderr.trim()}`,
        );
      }
    },
    cancel() {
      child.kill('SIGTERM');
    },
  };
}

async function endOf(child: ChildProcess): Promise<number | null> {
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  } catch {
    return null;
  }
}
