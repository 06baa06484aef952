/**
 * Assigns addresses to the pods of a flat lab: a CNI plugin, which the bridge plugin asks. A pod gets those that its
 * annotation lists, on whichever node; another one gets some that no pod has, wherever that is. An address may be that
 * of several sandboxes, as long as they say so: it is free when the last of them has gone. Nobody else is in the store
 * meanwhile, see flatIpamProgram.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { addressAnnotation, flatPodAddresses, flatPods, flatStoreInNode } from './layout.ts';

interface Config {
  cniVersion: string;
  ipam: { gateways: string[] };
  runtimeConfig?: { 'io.kubernetes.cri.pod-annotations'?: Record<string, string> };
}

interface Store {
  last: number;
  /** Ids of sandboxes by address. */
  held: Record<string, string[]>;
}

const file = join(flatStoreInNode, 'addresses.json');
const errors = { unsupported: 4, invalid: 7, exhausted: 100 };

function addressesFor(config: Config, store: Store): string[] {
  const wanted = config.runtimeConfig?.['io.kubernetes.cri.pod-annotations']?.[addressAnnotation];
  if (wanted !== undefined) return listed(wanted);
  const count = flatPods.last - flatPods.first + 1;
  // In turns: one that has just become free is remembered elsewhere.
  for (let step = 1; step <= count; step += 1) {
    const number = flatPods.first + ((store.last - flatPods.first + step) % count);
    const addresses = flatPodAddresses(number);
    if (addresses.some((address) => (store.held[address] ?? []).length > 0)) continue;
    store.last = number;
    return addresses;
  }
  return fail(errors.exhausted, `all ${count} addresses are in use`);
}

function listed(text: string): string[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.length > 0 && list.every((each) => typeof each === 'string')) return list;
  } catch {
    // Said below.
  }
  return fail(errors.invalid, `${addressAnnotation} is no JSON list of addresses: ${text}`);
}

function add(config: Config, id: string): void {
  const store = read();
  const addresses = addressesFor(config, store);
  for (const address of addresses) store.held[address] = [...new Set([...(store.held[address] ?? []), id])];
  write(store);
  const ips = addresses.map((address) => ({
    address: `${address}/${isIPv4(address) ? 16 : 64}`,
    gateway: config.ipam.gateways.find((gateway) => isIPv4(gateway) === isIPv4(address)),
  }));
  console.log(
    JSON.stringify({ cniVersion: config.cniVersion, ips, routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }], dns: {} }),
  );
}

function remove(id: string): void {
  const store = read();
  const rest = Object.entries(store.held).map(
    ([address, ids]) => [address, ids.filter((each) => each !== id)] as const,
  );
  write({ ...store, held: Object.fromEntries(rest.filter(([, ids]) => ids.length > 0)) });
}

function read(): Store {
  if (!existsSync(file)) return { last: flatPods.last, held: {} };
  return JSON.parse(readFileSync(file, 'utf8')) as Store;
}

function write(store: Store): void {
  writeFileSync(`${file}.new`, JSON.stringify(store));
  renameSync(`${file}.new`, file);
}

function fail(code: number, msg: string): never {
  console.log(JSON.stringify({ cniVersion: '1.0.0', code, msg }));
  process.exit(1);
}

const { CNI_COMMAND: command = '', CNI_CONTAINERID: id = '' } = process.env;
if (command === 'VERSION') console.log(JSON.stringify({ cniVersion: '1.0.0', supportedVersions: ['1.0.0'] }));
else if (command === 'ADD') add(JSON.parse(readFileSync(0, 'utf8')) as Config, id);
else if (command === 'DEL') remove(id);
else if (command !== 'CHECK') fail(errors.unsupported, `${command} is not known`);
