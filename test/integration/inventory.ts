/** Everything on the nodes that a migration may touch and has to leave as it was; kernel and agents included. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { daemonPid, type Lab, type NodeName } from '../lab/index.ts';
import { count, type Difference, difference, everythingOn, type Traces, tracesOf } from '../lab/traces.ts';

export type Inventory = ReadonlyMap<NodeName, Traces>;

export interface InventoryOptions {
  /** Also what stays after a node's first pod: for comparisons that begin later than that. */
  strict?: boolean;
  /** All, unless said otherwise. */
  nodes?: readonly NodeName[];
}

/** Milliseconds: what was ended takes a moment to be gone. */
const patience = 8_000;
const pause = 200;

/** When nothing moves any more. */
export async function inventoryOf(lab: Lab, options: InventoryOptions = {}): Promise<Inventory> {
  const until = performance.now() + patience;
  for (let last = await lookAround(lab, options); ; ) {
    await sleep(pause);
    const now = await lookAround(lab, options);
    if (Object.keys(changes(now, last)).length === 0) return withoutZombies(now);
    if (performance.now() > until)
      throw new Error(`the nodes do not come to rest: ${JSON.stringify(changes(now, last))}`);
    last = now;
  }
}

/** @returns how nodes differ from what they were, when they have had time to settle: nothing, if all is well */
export async function changesSince(lab: Lab, before: Inventory, options: InventoryOptions = {}): Promise<Changes> {
  const until = performance.now() + patience;
  for (;;) {
    const found = changes(await lookAround(lab, options), before);
    if (Object.keys(found).length === 0 || performance.now() > until) return found;
    await sleep(pause);
  }
}

/** A node's init takes its time: those of before do not count. Those of afterwards have to go. */
function withoutZombies(inventory: Inventory): Inventory {
  const living = (traces: Traces) => new Map([...traces].filter(([name]) => !/^process .* Z$/.test(name)));
  return new Map([...inventory].map(([node, traces]) => [node, living(traces)]));
}

type Changes = Partial<Record<NodeName, Difference>>;

function changes(now: Inventory, before: Inventory): Changes {
  const all = [...now].map(([node, traces]) => [node, difference(traces, before.get(node) ?? new Map())] as const);
  return Object.fromEntries(all.filter(([, { extra, missing }]) => extra.length + missing.length > 0));
}

async function lookAround(lab: Lab, options: InventoryOptions): Promise<Inventory> {
  const { strict = false, nodes = lab.nodeNames } = options;
  const look = strict ? everythingOn : tracesOf;
  const all = nodes.map(async (node): Promise<[NodeName, Traces]> => {
    const more = [...(await sockets(lab, node)), rcu(lab, node), ...(await openByAgent(lab, node))];
    return [node, new Map([...(await look(lab, node)), ...count(more)])];
  });
  return new Map(await Promise.all(all));
}

/** Who listens in a node, and what is bound in its pods. */
async function sockets(lab: Lab, node: NodeName): Promise<string[]> {
  const script = `
ss -Hltunx | awk '{print "listening " $1, $5}'
for netns in /run/netns/*; do
  [ -e "$netns" ] || continue
  nsenter --net="$netns" ss -Hltun | awk '{print "listening in a pod " $1, $5}'
done`;
  return (await lab.run(node, ['sh', '-euc', script])).trim().split('\n');
}

/** The whole machine's; a migration in another lab may have it on for a moment. */
function rcu(lab: Lab, node: NodeName): string {
  return `rcu_expedited ${readFileSync(join(lab.node(node).root, 'sys/kernel/rcu_expedited'), 'utf8').trim()}`;
}

/** What its agent has open, by kind: a leak of one a migration ends an agent that is never restarted. */
async function openByAgent(lab: Lab, node: NodeName): Promise<string[]> {
  const pid = await daemonPid(lab.layout, lab.entrance(node), `${node}.agent`);
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).map((fd) => `open by the agent: ${linkOf(join(directory, fd))}`);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path).replace(/:\[\d+\]$/, '');
  } catch {
    return 'closed';
  }
}
