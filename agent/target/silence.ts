/**
 * A target that has the source's address must not be heard before it is the pod: network plugins announce what they give,
 * and its kernel answers whoever asks. Rules on the node's bridges see to that from before there is a sandbox until the
 * pod runs; then everybody is told where the address is.
 */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { destroySilence, isMac, silence } from '../connections/address-rules.ts';
import { interfaceOf } from '../connections/interface.ts';
import { canonical } from '../connections/ip.ts';
import { plant, uproot } from '../journal/planted.ts';
import { run } from '../runtime/command.ts';
import { nodeNetns, shellLineWithin, within } from '../runtime/netns.ts';
import type { TargetMigration } from './target.ts';

const program = join(import.meta.dirname, '../connections/announce.pl');

function keepsAddress({ record }: TargetMigration): boolean {
  return record.plan.network === 'keep_address';
}

/** Before there is a sandbox. @throws Fault TargetPrepareFailed */
export async function silenceTarget(target: TargetMigration): Promise<void> {
  if (!keepsAddress(target)) return;
  const { plan, details } = target.record;
  const { ips, mac } = details.manifest;
  if (ips.length === 0 || !ips.every((ip) => isIP(ip) > 0 && !ip.includes('%')) || !isMac(mac)) {
    const what = `the source says that its pod has ${JSON.stringify(ips)} on a link ${JSON.stringify(mac)}`;
    throw new Fault('TargetPrepareFailed', `${what}: with that nothing can move along`);
  }
  plantSilence(target, '');
  await set(target, silence(plan.id, ips, { mac, wholly: true }));
}

/**
 * The sandbox is there, and silent.
 *
 * @throws Fault TargetPrepareFailed when it was given other addresses than the source's
 */
export async function checkAddress(target: TargetMigration, netns: string): Promise<void> {
  if (!keepsAddress(target)) return;
  const { plan, details } = target.record;
  const { ips } = details.manifest;
  const given = new Set(details.podIps.map(canonical));
  if (given.size !== ips.length || !ips.every((ip) => given.has(canonical(ip)))) {
    const what = `the target was given ${details.podIps.join(', ') || 'no address'} instead of ${ips.join(', ')}`;
    const why = `the network of ${plan.target_node} does not go by annotation ${plan.address_annotation}`;
    throw new Fault('TargetPrepareFailed', `${what}: ${why}; ask for network translate`);
  }
  const { name, mac } = await interfaceOf(netns, ips[0] ?? '');
  if (mac === details.manifest.mac) {
    const what = `the target's link has the same address as the source's, ${mac}`;
    throw new Fault('TargetPrepareFailed', `${what}: nobody could tell one from the other; ask for network translate`);
  }
  Object.assign(details, { netns, device: name, mac });
  // One that kubelet does not take away at once stays silent all the same.
  plantSilence(target, shellLineWithin(netns, `ip link set ${name} down`));
  if (target.containers.length === 1) await letAsk(target);
}

/**
 * Right before the last container's go, or earlier where nothing runs that could ask. Not before that of another one:
 * whom that one finds would look for the last one here, too.
 */
export async function letAsk(target: TargetMigration): Promise<void> {
  if (!keepsAddress(target)) return;
  const { plan, details } = target.record;
  const { ips, mac } = details.manifest;
  await set(target, silence(plan.id, ips, { mac, wholly: false }));
}

/** At the go: from now on nothing that is undone here takes the pod off its network. */
export function willSpeak(target: TargetMigration): void {
  if (keepsAddress(target)) plantSilence(target, '');
}

/** It runs: everybody is told that the address is here. May be repeated, and is, when the source has fallen silent. */
export async function speak(target: TargetMigration): Promise<void> {
  if (!keepsAddress(target)) return;
  const { plan, details } = target.record;
  await set(target, destroySilence(plan.id));
  uproot(target.paths, 'silence');
  // Somebody has taken the pod away already, and its address with it.
  if (!existsSync(details.netns)) return;
  await run(within(details.netns, 'perl', program, details.device, ...details.manifest.ips), {
    reason: 'CutOverFailed',
    what: `announcing ${details.manifest.ips.join(', ')}`,
  });
}

function plantSilence(target: TargetMigration, before: string): void {
  const undo = shellLineWithin(nodeNetns, `nft '${destroySilence(target.record.plan.id)}'`);
  plant(target.paths, 'silence', before === '' ? undo : `${before}\n${undo}`);
}

async function set(target: TargetMigration, stdin: string): Promise<void> {
  await run(within(nodeNetns, 'nft', '-f', '-'), {
    reason: 'TargetPrepareFailed',
    what: `keeping the target of ${target.record.plan.id} from being heard`,
    stdin,
  });
}
