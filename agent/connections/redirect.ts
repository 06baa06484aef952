/**
 * From before the freeze on, who wants something of the pod is led to where it will be. All of it lies in the source
 * pod's own network namespace, so it needs nothing of CNI, kubelet or kube-proxy, and nothing outside the pod changes.
 * What was planted is written down in the migration's directory, for an agent that starts later.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { plant, quote } from '../journal/planted.ts';
import type { SidePaths } from '../paths.ts';
import { run } from '../runtime/command.ts';
import { shellLineWithin, within } from '../runtime/netns.ts';
import type { HandOver } from './address-rules.ts';
import type { Connection, Kept, Move } from './connection.ts';
import { interfaceOf } from './interface.ts';
import { keep } from './keep.ts';
import { orderPlug, startPlug } from './plug.ts';
import * as rules from './rules.ts';
import { startWithin } from './waiting.ts';
import { isArriving, isFinishing, isHalfClosed, isUnaccepted, isUnread, type Socket, socketsOf } from './sockets.ts';

/** As it stands on the node. */
export interface Redirection {
  netns: string;
  moves: Move[];
  /** Whether packets are held while the pod stands still, or lost. */
  plugged: boolean;
  /** Open connections go along; else they are reset. */
  keeps: boolean;
  kept: Kept[];
  /** Connections that nobody will answer, though their peers think that they are open. */
  lost: Connection[];
  /** The address moves along, so nothing is translated, and nothing of this is needed for long. */
  handOver?: HandOver;
  /** With it: what the pod has closed, and its old kernel brings to its end. */
  finishing?: Connection[];
}

export interface WaitingRedirect {
  /** New connections and datagrams wait from now on; what has just arrived has a moment to be accepted or read. */
  holdNew(signal: AbortSignal): Promise<void>;
  /** All waits. The pod is to be frozen next. */
  holdAll(): Promise<void>;
  /** Once it is frozen: where its addresses and its peers move to. */
  keep(): Promise<Redirected>;
  /** Once it is dumped: a program that listens for changes of the network would be frozen with them in its queue. */
  forward(): Promise<void>;
  cancel(): void;
}

export type Redirected = Pick<Redirection, 'moves' | 'keeps' | 'kept'>;

export const unmoved: Redirected = { moves: [], keeps: false, kept: [] };

/** Of a pod that stays: who comes while it stands still is answered when it runs again. */
export const nowhere: WaitingRedirect = {
  holdNew: () => Promise.resolve(),
  holdAll: () => Promise.resolve(),
  keep: () => Promise.resolve(unmoved),
  forward: () => Promise.resolve(),
  cancel: () => {},
};

/** The pod's own, and set back to what they were: what comes back out of the plug is not taken for forged. */
export const backFromPlug: readonly Switch[] = [['net/ipv4/conf/all/rp_filter', 0, 'ip']];

/** And connections are followed from the middle, counted and timed. */
const switches: readonly Switch[] = [
  ...backFromPlug,
  ['net/netfilter/nf_conntrack_tcp_loose', 1],
  ['net/netfilter/nf_conntrack_tcp_be_liberal', 1],
  ['net/netfilter/nf_conntrack_acct', 1],
  ['net/netfilter/nf_conntrack_timestamp', 1],
];

/** Thrown when the rules stand, which let nothing through but what is translated: the pod is no gateway to anybody. */
const forwarding: readonly Switch[] = [
  ['net/ipv4/ip_forward', 1, 'ip'],
  ['net/ipv6/conf/all/forwarding', 1, 'ip6'],
];

export type Switch = readonly [file: string, value: number, family?: Move['family']];

/** Milliseconds for the pod to accept who has already been answered by its kernel, and to read; it still runs then. */
const arrivingMs = 25;

export interface RedirectPlan {
  netns: string;
  /** Of any process in it, as long as the pod has one. */
  pid: number;
  moves: Move[];
  keeps: boolean;
  plugged: boolean;
  /** Within it traffic has been passed on, or nothing has come of the migration. */
  deadlineMs: number;
}

/** Starts what will set the rules, so that setting them costs no start of a process. */
export async function prepareRedirect(
  paths: SidePaths,
  { netns, pid, moves, keeps, plugged, deadlineMs }: RedirectPlan,
): Promise<WaitingRedirect> {
  const redirection: Redirection = { netns, moves, plugged, keeps, kept: [], lost: [] };
  writeRedirection(paths, redirection);
  await plantSwitches(paths, redirection, {
    before: [...switches, ...forwarding],
    now: switches,
    first: keeps ? rules.stayUntracked(moves) : '',
  });
  const device = await interfaceOf(netns, moves[0]?.from ?? '');
  if (plugged) {
    plant(paths, 'plug', unplugging(paths, netns, rules.unplug));
    await startPlug(netns, device, paths.plug, deadlineMs);
  }
  const nft = () => startWithin(netns, ['nft', '-f', '-'], 'setting what redirects the pod');
  const [first, second, third] = [nft(), nft(), nft()];
  const forward = startWithin(netns, ['/bin/sh', '-c', forwardingScript(moves)], 'letting the pod forward');
  const redirect = rules.redirect(moves, { keeps, plugged });
  return {
    async holdNew(signal) {
      if (!plugged) return first.cancel();
      await first.go(rules.holdNew(device.name, moves));
      orderPlug(paths.plug, 'hold');
      await untilAccepted(pid, moves, signal);
    },
    async holdAll() {
      // Where nothing can be held, what comes is sorted at once; else there is time until the pod is frozen.
      await second.go(plugged ? rules.holdAll(moves) : redirect);
    },
    async keep() {
      const sockets = ours(pid, moves);
      redirection.kept = keeps ? keep(sockets.filter(isOpen).map(asKept), moves) : [];
      redirection.lost = sockets.filter(isUnaccepted).map(({ local, remote }) => ({ local, remote }));
      writeRedirection(paths, redirection);
      const finishing = keeps ? sockets.filter(isFinishing) : [];
      const kept = rules.keepThese(redirection.kept, finishing, moves);
      await third.go(plugged ? redirect + kept : kept);
      return redirection;
    },
    // After keep(), so that what is not to be forwarded is refused.
    async forward() {
      await forward.go();
    },
    cancel() {
      for (const each of [first, second, third, forward]) each.cancel();
    },
  };
}

/** Who has been answered by the pod's kernel already has a moment to be accepted. */
export async function untilAccepted(pid: number, moves: readonly Move[], signal: AbortSignal): Promise<void> {
  const end = performance.now() + arrivingMs;
  while (performance.now() < end && someArrive(pid, moves)) await delay(1, undefined, { signal });
}

/** @param rules a shell's, that take the way to it away */
export function unplugging(paths: SidePaths, netns: string, rules: string): string {
  return `${shellLineWithin(netns, rules)}\n[ ! -p ${quote(paths.plug)} ] || echo end 1<>${quote(paths.plug)}`;
}

function asKept(socket: Socket): Omit<Kept, 'port'> {
  const { local, remote } = socket;
  return { local, remote, ...(isHalfClosed(socket) && { halfClosed: true }) };
}

function isOpen({ isOrphan, state }: Socket): boolean {
  return !isOrphan && state !== 'listen' && state !== 'close' && state !== 'time-wait' && state !== 'syn-received';
}

function someArrive(pid: number, moves: readonly Move[]): boolean {
  return ours(pid, moves).some(isArriving) || socketsOf(pid, 'udp').some(isUnread);
}

/** Listeners may have any address; whatever else has none of the pod's is its own affair. */
export function ours(pid: number, moves: readonly Move[]): Socket[] {
  const own = new Set(moves.map(({ from }) => from));
  return socketsOf(pid).filter(({ state, local }) => state === 'listen' || own.has(local.address));
}

/**
 * @param before those that are to be as they were in the end; the rules of the pod's own tables go then, too
 * @param first rules that are to stand before any is thrown
 */
export async function plantSwitches(
  paths: SidePaths,
  { netns, moves }: Redirection,
  { before, now, first }: { before: readonly Switch[]; now: readonly Switch[]; first: string },
): Promise<void> {
  const shell = (script: string) => within(netns, '/bin/sh', '-c', script);
  const look = forEach(before, moves, (file) => `echo "echo $(cat ${file}) >${file}"`);
  const asTheyWere = await run(shell(look), { reason: 'FreezeFailed', what: `asking ${netns} whether it forwards` });
  plant(paths, 'forwarding', shellLineWithin(netns, `${rules.unredirect}\n${asTheyWere}`));
  const set = `nft -f - || exit\n${forEach(now, moves, setTo)}`;
  const what = `leaving connections in ${netns} untracked`;
  await run(shell(set), { reason: 'FreezeFailed', what, stdin: first });
}

/** Waits for the end of its input. */
function forwardingScript(moves: readonly Move[]): string {
  return `cat >/dev/null\n${forEach(forwarding, moves, setTo)}`;
}

function setTo(file: string, value: number): string {
  return `echo ${value} >${file}`;
}

/** A shell's lines, for those of the IP versions that the pod has, as far as the kernel has them. */
function forEach(all: readonly Switch[], moves: readonly Move[], act: (file: string, value: number) => string): string {
  return all
    .filter(([, , family]) => family === undefined || moves.some((move) => move.family === family))
    .map(([file, value]) => `[ ! -e /proc/sys/${file} ] || ${act(`/proc/sys/${file}`, value)}`)
    .join('\n');
}

export function writeRedirection(paths: SidePaths, redirection: Redirection): void {
  writeFileSync(paths.redirection, JSON.stringify(redirection), { mode: 0o600 });
}

/** What was planted, by whichever life of this agent; undefined: nothing. */
export function readRedirection(paths: SidePaths): Redirection | undefined {
  try {
    return JSON.parse(readFileSync(paths.redirection, 'utf8')) as Redirection;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
