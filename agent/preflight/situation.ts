/** What this node is and has: asked at start and whenever it may have changed. */
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { release } from 'node:os';
import type { Finding } from '../../proto/gen/podferry/v1/Finding.ts';
import type { Reason } from '../../proto/fault.ts';
import { run } from '../runtime/command.ts';

export interface NodeSituation {
  node: string;
  kernel: string;
  runc: string;
  criu: string;
  criuFeatures: string[];
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
const oldestCriu = [4, 0];
const oldestKernel = [5, 9];
const tools = [
  'criu',
  'runc',
  'nft',
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
  const version = async (tool: 'criu' | 'runc', pattern: RegExp) => {
    if (!isInstalled(tool)) return '';
    const text = await run([tool, '--version'], {
      reason: 'ToolMissing',
      what: `asking ${tool} for its version`,
    }).catch((error: Error) =>
      say(tool === 'criu' ? 'CriuMissing' : 'ToolMissing', `${tool} does not work: ${error.message}`),
    );
    return pattern.exec(text ?? '')?.[1] ?? '';
  };
  const criu = await version('criu', /Version: (\S+)/);
  if (criu !== '' && isOlder(criu, oldestCriu)) {
    say('CriuMissing', `CRIU ${criu} is too old: ${oldestCriu.join('.')} or newer is needed`);
  }
  const kernel = release();
  if (isOlder(kernel, oldestKernel))
    say('KernelTooOld', `kernel ${kernel} is too old: ${oldestKernel.join('.')} or newer is needed`);
  return {
    ...options,
    kernel,
    runc: await version('runc', /runc version (\S+)/),
    criu,
    criuFeatures: criu === '' ? [] : await criuFeatures(),
    cgroupVersion: /^[0-9]+:freezer:/m.test(readFileSync('/proc/self/cgroup', 'utf8')) ? 1 : 2,
    cpuFlags: cpuFlags(),
    stagingBytesFree: memoryAvailable(),
    nfsUsable: options.nfsDirectory !== undefined && (await isDirectory(options.nfsDirectory)),
    problems,
  };
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

function isOlder(version: string, [major = 0, minor = 0]: readonly number[]): boolean {
  const [is = 0, has = 0] = version.split(/[.-]/).map(Number);
  return is < major || (is === major && has < minor);
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
