/** Looks at a node, changing nothing: all that install decides by. What could not be found out is a reason against it. */
import { Fault } from '../../proto/fault.ts';
import { type ConfigFiles, cleaned, handlersOf, type Table, type Version, versionOf } from './containerd-config.ts';
import { askRunning, type Running } from './cri.ts';
import { carries, differences, dump, type Placed, place, staging } from './effective.ts';
import { handlerLike, runcOf } from './handler.ts';
import { configFiles } from './config-files.ts';
import type { Node } from './node.ts';
import type { Settings } from './settings.ts';

export interface Observation {
  platform: string;
  arch: string;
  running: Running | undefined;
  config: ReadConfig | undefined;
  /** The node's own, without ours. */
  criu: string | undefined;
  runc: string | undefined;
  /** What keeps us from knowing more, each with what to do. */
  problems: string[];
}

export interface ReadConfig {
  files: ConfigFiles;
  clean: ConfigFiles;
  /** Undefined: nothing has to be added, somebody else has. */
  placed: Placed | undefined;
  handler: Table;
}

export async function observe(node: Node, settings: Settings): Promise<Observation> {
  const problems: string[] = [];
  const found = async <T>(asked: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await asked();
    } catch (error) {
      problems.push((error as Error).message);
      return undefined;
    }
  };
  const { platform, arch } = process;
  const running = await found(async () => await whatRuns(node, settings));
  const config = await found(async () => await readConfig(node, settings, running?.version));
  const runc = settings.runc ?? node.program(config === undefined ? 'runc' : runcOf(config.effective));
  if (config !== undefined && (runc === undefined || node.program(runc) === undefined)) {
    problems.push(`${runc ?? runcOf(config.effective)} is not on this node: name its runc by --runc`);
  }
  return { platform, arch, running, config, criu: await criuVersion(node), runc, problems };
}

async function whatRuns(node: Node, { socket, containerdProgram }: Settings): Promise<Running> {
  if (node.program(containerdProgram) === undefined) {
    throw new Fault(
      'ToolMissing',
      `containerd (${containerdProgram}) is not on this node: name it by --containerd-program`,
    );
  }
  const running = await askRunning(node.at(socket)).catch((error: unknown) => {
    throw Fault.from(
      error,
      'RuntimeUnsupported',
      'containerd does not answer: start it, or name its socket by --containerd',
    );
  });
  if (running.name !== 'containerd') {
    throw new Fault('RuntimeUnsupported', `${socket} is ${running.name}'s: Podferry needs containerd`);
  }
  const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(running.version)?.map(Number) ?? [];
  if (major < 1 || (major === 1 && minor < 7)) {
    throw new Fault('RuntimeUnsupported', `containerd ${running.version} is too old: 1.7 or newer is needed`);
  }
  return running;
}

async function readConfig(
  node: Node,
  { containerdConfig: main, containerdProgram: program, wrapper }: Settings,
  running: string | undefined,
): Promise<ReadConfig & { effective: Table }> {
  const files = configFiles(node, main);
  const text = files.files.get(main);
  const version = text === undefined ? await latest(node, program, running) : supported(main, text);
  const dumpOf = staging(node, program, version);
  if (text !== undefined) await checkFaithful(files, await dump(node, program, main), dumpOf);
  const clean = cleaned(files);
  const effective = await dumpOf(clean);
  const handler = handlerLike(effective, wrapper);
  const foreign = handlersOf(effective)['podferry'];
  if (foreign === undefined) {
    return { files, clean, handler, effective, placed: await place(clean, version, handler, dumpOf) };
  }
  if (carries(foreign, handler)) return { files, clean, handler, effective, placed: undefined };
  throw new Fault(
    'RuntimeUnsupported',
    `containerd's configuration has a handler podferry that is not ours, for ${binaryOf(foreign)}: ` +
      'take it away or make it what the README says',
  );
}

/** Undefined: a handler without one calls the first runc in PATH. */
function binaryOf(handler: Table): string {
  const { BinaryName } = (handler['options'] ?? {}) as Table;
  return typeof BinaryName === 'string' && BinaryName !== '' ? BinaryName : 'runc';
}

async function latest(node: Node, program: string, running: string | undefined): Promise<Version> {
  const words =
    running ?? (await node.run([program, '--version'], 'RuntimeUnsupported', 'asking containerd for its version'));
  return /(?:^|v|\s)1\.\d+\.\d+/.test(words) ? 2 : 3;
}

function supported(main: string, text: string): Version {
  const version = versionOf(text);
  if (version === 2 || version === 3) return version;
  const why = version < 2 ? 'too old: bring it to version 2 (containerd config migrate)' : 'newer than Podferry knows';
  throw new Fault('RuntimeUnsupported', `${main} is a configuration of version ${version}, which is ${why}`);
}

/** The copies have to mean the same as what they were copied from, or nothing that is tried with them would be true. */
async function checkFaithful(
  files: ConfigFiles,
  live: Table,
  dumpOf: (files: ConfigFiles) => Promise<Table>,
): Promise<void> {
  const differing = differences(live, await dumpOf(files));
  if (differing.length === 0) return;
  throw new Fault(
    'RuntimeUnsupported',
    `${files.main} imports what cannot be followed (${differing.slice(0, 4).join(', ')} would be missing): ` +
      'add the handler yourself as the README says, or make its imports absolute',
  );
}

/** Undefined: there is none that works. */
async function criuVersion(node: Node): Promise<string | undefined> {
  const program = node.program('criu');
  if (program === undefined) return undefined;
  const said = await node.run([program, '--version'], 'CriuMissing', 'asking criu for its version').catch(() => '');
  return /Version: (\S+)/.exec(said)?.[1];
}
