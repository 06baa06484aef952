/** Takes away exactly what install has made, when no pod needs it any more. */
import { join } from 'node:path';
import { act } from './act.ts';
import { carryOut, type Turn } from './carry-out.ts';
import { clear } from './clear.ts';
import { configFiles } from './config-files.ts';
import { cleaned } from './containerd-config.ts';
import { askRunning, ourPods } from './cri.ts';
import { describe } from './describe.ts';
import { observedOn, originalOf } from './install.ts';
import { type Manifest, readManifest, removeManifest } from './manifest.ts';
import type { Node } from './node.ts';
import { type Change, planUninstall } from './plan.ts';
import { noSystemd, restartOrTakeBack } from './restart.ts';
import type { Settings } from './settings.ts';

interface Prospect {
  against: string[];
  config: Change[];
  rest: Change[];
  manifest: Manifest;
  needsRestart: boolean;
}

async function look(node: Node, settings: Settings): Promise<Prospect> {
  const manifest = readManifest(node);
  const files = configFiles(node, settings.containerdConfig);
  const clean = cleaned(files);
  const original = originalOf(files, clean);
  const planned = planUninstall(observedOn(node, manifest), original);
  const known = new Set(manifest.made.map(({ path }) => path));
  // The manifest may be lost; what is ours in a configuration is known without it.
  const marked = [...files.files].filter(([path, text]) => !known.has(path) && clean.files.get(path) !== text);
  const others = marked.map(([path]): Change => unmark(path, original(path), node));
  const isConfig = ({ path }: Change) => original(path) !== undefined;
  const config = [...others, ...planned.filter(isConfig)];
  // A node that has nothing of ours, and maybe no containerd, is as it should be whatever runs there.
  const against = config.length + planned.length === 0 ? [] : await stillNeeded(node, settings);
  const changes = config.filter((change) => change.do !== 'keep');
  const needsRestart = changes.length > 0 && (await isLoaded(node, settings));
  const unwritable = [...config, ...planned]
    .map(({ path }) => node.unwritable(path))
    .filter((why) => why !== undefined);
  against.push(...new Set(unwritable.map((why) => `${why}: make it writable for the time of the removal`)));
  if (needsRestart && settings.restartCommand === 'auto') {
    const why = noSystemd(node);
    if (why !== undefined) against.push(`${why}: say by --restart-command how containerd is restarted`);
  }
  return { against, config, rest: planned.filter((change) => !isConfig(change)), manifest, needsRestart };
}

async function isLoaded(node: Node, { socket }: Settings): Promise<boolean> {
  return await askRunning(node.at(socket)).then(
    ({ handler }) => handler !== undefined,
    () => false,
  );
}

function unmark(path: string, content: Buffer | null | undefined, node: Node): Change {
  const why = 'ours, though nothing tells when it was made';
  if (content === null || content === undefined) return { do: 'remove', path, why };
  const entry = node.entry(path, true);
  const { mode, uid, gid } = entry.kind === 'file' ? entry : { mode: 0o644, uid: 0, gid: 0 };
  return { do: 'file', path, content, owned: { mode, uid, gid }, follow: true, why };
}

/** Their shims call the wrapper by its path, to stop them too. */
async function stillNeeded(node: Node, { socket, stateDir }: Settings): Promise<string[]> {
  const against: string[] = [];
  try {
    for (const { namespace, name } of await ourPods(node.at(socket))) {
      against.push(`pod ${namespace}/${name} has the runtime handler podferry: delete it first`);
    }
  } catch (error) {
    against.push(`containerd does not tell which pods need the handler: ${(error as Error).message}`);
  }
  for (const side of ['source', 'target']) {
    for (const id of node.list(join(stateDir, side))) {
      against.push(`migration ${id} has this node as its ${side}: let it end, or node agent/podferry.ts undo ${id}`);
    }
  }
  return against;
}

export async function uninstall(
  node: Node,
  settings: Settings,
  turn: Turn | undefined,
  say: (line: string) => void,
): Promise<void> {
  await carryOut(
    async () => await look(node, settings),
    async (prospect) => await remove(node, settings, prospect, say),
    turn,
  );
}

/** The handler first: as long as containerd has it, what it calls has to be there. */
async function remove(node: Node, settings: Settings, prospect: Prospect, say: (line: string) => void): Promise<void> {
  const { config, rest, manifest, needsRestart } = prospect;
  const takeBack = act(node, config);
  for (const change of config) say(describe(change));
  if (needsRestart) {
    say('restarts containerd');
    await restartOrTakeBack(node, settings, takeBack, ({ handler }) => handler === undefined);
    say('containerd is back without the runtime handler podferry');
  }
  act(node, rest);
  for (const change of rest) say(describe(change));
  removeManifest(node, manifest);
  clear(node, settings.stateDir, say);
  if (config.length + rest.length === 0) say('nothing to do');
}
