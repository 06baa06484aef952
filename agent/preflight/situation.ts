/** What this node is and has: asked at start and whenever it may have changed. */
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname } from 'node:path';
import type { Finding } from '../../proto/gen/podferry/v1/Finding.ts';
import type { Fault, Reason } from '../../proto/fault.ts';
import { run } from '../runtime/command.ts';
import { type NetworkFeature, networkFeatures } from './network.ts';
import { inContainer, ofNode, onNode, outliving } from '../runtime/node.ts';
import { againstCriu, isOlder, oldestKernel } from './versions.ts';

export interface NodeSituation {
  node: string;
  kernel: string;
  runc: string;
  criu: string;
  criuFeatures: string[];
  networkFeatures: NetworkFeature[];
  cgroupVersion: 1 | 2;
  cpuFlags: string[];
  stagingBytesFree: number;
  /** Where the wrapper should be. */
  wrapper: string;
  nfsDirectory: string | undefined;
  nfsUsable: boolean;
  /** What keeps this node from taking part at all. */
  problems: Finding[];
}

/** As `criu check --feature` names them; what a strategy needs is asked of these. */
const features = ['mem_dirty_track', 'uffd-noncoop', 'lazy_pages', 'timens', 'network_lock_nftables', 'pidfd_store'];
/** What an agent calls, wherever it runs. */
export const tools = [
  'criu',
  'nft',
  'perl',
  'ip',
  'ss',
  'tar',
  'nsenter',
  'unshare',
  'setpriv',
  'flock',
  'mount',
  'mountpoint',
  'mkfifo',
  'sync',
];

export async function lookAround(
  options: Pick<NodeSituation, 'node' | 'wrapper' | 'nfsDirectory'>,
): Promise<NodeSituation> {
  const problems: Finding[] = [];
  const say = (reason: Reason, message: string) => {
    problems.push({ reason, message: `${options.node}: ${message}` });
  };
  for (const tool of tools) {
    if (!isInstalled(tool)) say(tool === 'criu' ? 'CriuMissing' : 'ToolMissing', `${tool} is not installed`);
  }
  const version = async (reason: Reason, argv: [string, ...string[]], what: string, pattern: RegExp) => {
    const text = await run(argv, { reason, what }).catch((error: Fault) => say(reason, error.message));
    return pattern.exec(text ?? '')?.[1] ?? '';
  };
  const criu = isInstalled('criu') ? await version('CriuMissing', ['criu', '--version'], 'CRIU', /Version: (\S+)/) : '';
  const against = criu === '' ? undefined : againstCriu(criu);
  if (against !== undefined) say('CriuMissing', `CRIU ${against}`);
  if (inContainer) {
    // Found out now, and not by a freeze that nobody ends.
    await run(outliving(['true']), { reason: 'ToolMissing', what: 'leaving the cgroup of this container' }).catch(
      ({ message }: Fault) => say('ToolMissing', `${message}: mount the node's /sys/fs/cgroup there, writable`),
    );
    // Dumps are ours, restores are the node's: runc starts its CRIU there.
    const theirs = await version('CriuMissing', criuOf(options.wrapper), "the node's own CRIU", /Version: (\S+)/);
    const againstTheirs = theirs === '' ? undefined : againstCriu(theirs);
    if (againstTheirs !== undefined) say('CriuMissing', `the node's CRIU ${againstTheirs}`);
  }
  const kernel = release();
  if (isOlder(kernel, oldestKernel))
    say('KernelTooOld', `kernel ${kernel} is too old: ${oldestKernel.join('.')} or newer is needed`);
  return {
    ...options,
    kernel,
    runc: await version('ToolMissing', runcOf(options.wrapper), 'runc', /runc version (\S+)/),
    criu,
    criuFeatures: criu === '' ? [] : await criuFeatures(),
    networkFeatures: problems.length > 0 ? [] : await networkFeatures(),
    cgroupVersion: /^[0-9]+:freezer:/m.test(readFileSync('/proc/self/cgroup', 'utf8')) ? 1 : 2,
    cpuFlags: cpuFlags(),
    stagingBytesFree: memoryAvailable(),
    nfsUsable: options.nfsDirectory !== undefined && (await isDirectory(options.nfsDirectory)),
    problems,
  };
}

/** The node's own, which is what its containers run under: through the wrapper, which passes such a question on. */
function runcOf(wrapper: string): [string, ...string[]] {
  return existsSync(ofNode(wrapper)) ? onNode([wrapper, '--version']) : onNode(['runc', '--version']);
}

/** The one that the wrapper lets runc find: beside it, or in the node's PATH. */
function criuOf(wrapper: string): [string, ...string[]] {
  return onNode(['/bin/sh', '-c', 'PATH="$1/criu:$PATH" exec criu --version', 'criu', dirname(wrapper)]);
}

/** What changes from one moment to the next. */
export async function lookAgain(situation: NodeSituation): Promise<NodeSituation> {
  const { nfsDirectory } = situation;
  return {
    ...situation,
    stagingBytesFree: memoryAvailable(),
    nfsUsable: nfsDirectory !== undefined && (await isDirectory(nfsDirectory)),
  };
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(`${directory}/${program}`));
}

async function criuFeatures(): Promise<string[]> {
  const has = await Promise.all(
    features.map(async (feature) => {
      const check = run(['criu', 'check', '--feature', feature], { reason: 'CriuFeatureMissing', what: feature });
      return await check.then(
        () => true,
        () => false,
      );
    }),
  );
  return features.filter((_, at) => has[at]);
}

function cpuFlags(): string[] {
  return /^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
}

/** Staging is a tmpfs, so its space is memory. */
function memoryAvailable(): number {
  return Number(/^MemAvailable:\s*(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
}

async function isDirectory(path: string): Promise<boolean> {
  return await statfs(path).then(
    () => true,
    () => false,
  );
}
