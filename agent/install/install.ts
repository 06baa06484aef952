/** Brings a node to where pods can move to and from it, or says all that is against it and leaves it alone. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { act } from './act.ts';
import { carryOut, type Turn } from './carry-out.ts';
import { carries } from './effective.ts';
import { installState, type Manifest, readManifest, removeManifest, writeManifest } from './manifest.ts';
import type { Node } from './node.ts';
import { observe, type Observation, type ReadConfig } from './observe.ts';
import { type Change, type Observed, type OriginalOf, planInstall, type Wanted } from './plan.ts';
import { refusals, wantsOurCriu } from './refuse.ts';
import { describe } from './describe.ts';
import { noSystemd, restartOrTakeBack } from './restart.ts';
import type { Settings } from './settings.ts';
import type { ConfigFiles } from './containerd-config.ts';

const wrapperSource = join(import.meta.dirname, '../wrapper/podferry-runc');

export interface Prospect {
  /** All that is against it. Then the rest says nothing. */
  against: string[];
  changes: Change[];
  manifest: Manifest;
  needsRestart: boolean;
  seen: Observation;
}

/** What install would do. */
export async function look(node: Node, settings: Settings): Promise<Prospect> {
  const seen = await observe(node, settings);
  const manifest = readManifest(node);
  const hasOurs = manifest.made.some(({ path }) => path.startsWith(`${criuOf(settings)}/`));
  const against = refusals(seen, settings, hasOurs);
  const { running, config, runc } = seen;
  let changes: Change[] = [];
  let made = manifest.made;
  let needsRestart = false;
  if (running !== undefined && config !== undefined && runc !== undefined) {
    const wanted = [
      ...wantedPrograms(settings, runc),
      ...(wantsOurCriu(seen, settings, hasOurs) ? wantedCriu(settings, against) : []),
      ...wantedConfig(config),
    ];
    const observed = observedOn(node, manifest);
    ({ changes, made } = planInstall(wanted, observed, originalOf(config.files, config.clean)));
    needsRestart = !carries(running.handler, config.handler);
  }
  const isKnown = running !== undefined && config !== undefined;
  const touched = changes.filter((change) => change.do !== 'keep').map(({ path }) => path);
  const written =
    isKnown && touched.length === 0
      ? []
      : [settings.wrapper, settings.containerdConfig, `${installState}/x`, ...touched];
  const unwritable = written.map((path) => node.unwritable(path)).filter((why) => why !== undefined);
  against.push(...new Set(unwritable.map((why) => `${why}: make it writable for the time of the installation`)));
  if ((needsRestart || !isKnown) && settings.restartCommand === 'auto') {
    const why = noSystemd(node);
    if (why !== undefined) against.push(`${why}: say by --restart-command how containerd is restarted`);
  }
  return { against, changes, manifest: { ...manifest, made }, needsRestart, seen };
}

const criuOf = ({ wrapper }: Settings) => join(dirname(wrapper), 'criu');

/** The wrapper, and beside it a link to the runc that it is to call. */
function wantedPrograms({ wrapper }: Settings, runc: string): Wanted[] {
  const content = readFileSync(wrapperSource);
  return [
    { kind: 'link', path: join(dirname(wrapper), 'runc'), target: runc, why: 'the runc that the wrapper calls' },
    { kind: 'file', path: wrapper, content, mode: 0o755, why: 'the wrapper' },
  ];
}

function wantedCriu(settings: Settings, against: string[]): Wanted[] {
  const { criuSource } = settings;
  const to = criuOf(settings);
  const why = 'CRIU';
  try {
    const names = readdirSync(criuSource, { recursive: true, encoding: 'utf8', withFileTypes: true });
    const all = names
      .filter((each) => !each.isDirectory())
      .map((each): Wanted => {
        const from = join(each.parentPath, each.name);
        const path = join(to, from.slice(criuSource.replace(/\/+$/, '').length));
        if (each.isSymbolicLink()) return { kind: 'link', path, target: readlinkSync(from), why };
        return { kind: 'file', path, content: readFileSync(from), mode: statSync(from).mode & 0o755, why };
      });
    if (!all.some(({ path }) => path === join(to, 'criu'))) throw new Error(`there is no criu in ${criuSource}`);
    // The program that is looked for comes last: until then the node has none, instead of half of one.
    return all.sort((a, b) => Number(a.path === join(to, 'criu')) - Number(b.path === join(to, 'criu')));
  } catch (error) {
    against.push(
      `our own CRIU is not in ${criuSource} (${(error as Error).message}): name it by --criu-source, or install CRIU 4.0 or newer on the node`,
    );
    return [];
  }
}

/** The files that have something of ours; the main file last: what it imports is there by then. */
function wantedConfig({ clean: { main, files }, placed }: ReadConfig): Wanted[] {
  const why = `runtime handler podferry: ${placed?.how}`;
  return [...(placed?.files ?? [])]
    .filter(([path, text]) => files.get(path) !== text)
    .sort(([a], [b]) => Number(a === main) - Number(b === main))
    .map(([path, text]) => ({ kind: 'file', path, content: Buffer.from(text), mode: 0o644, isConfig: true, why }));
}

export function observedOn(node: Node, { made }: Manifest): Observed {
  return { entry: (path, follow) => node.entry(path, follow), content: (path) => node.read(path), made };
}

export function originalOf(files: ConfigFiles, clean: ConfigFiles): OriginalOf {
  return (path) => {
    if (!files.files.has(path)) return undefined;
    const text = clean.files.get(path);
    return text === undefined ? null : Buffer.from(text);
  };
}

/** @throws Fault RuntimeUnsupported with all reasons, when nothing was changed */
export async function install(
  node: Node,
  settings: Settings,
  turn: Turn | undefined,
  say: (line: string) => void,
): Promise<void> {
  await carryOut(
    async () => await look(node, settings),
    async (prospect) => await bring(node, settings, prospect, say),
    turn,
  );
}

async function bring(node: Node, settings: Settings, prospect: Prospect, say: (line: string) => void): Promise<void> {
  const { changes, manifest, needsRestart, seen } = prospect;
  const before = readManifest(node);
  if (changes.length > 0) writeManifest(node, manifest);
  const takeBack = () => {
    undo();
    if (changes.length === 0) return;
    if (before.made.length > 0) writeManifest(node, before);
    else removeManifest(node, before);
  };
  let undo = () => {};
  try {
    undo = act(node, changes);
  } catch (error) {
    takeBack();
    throw error;
  }
  for (const change of changes) say(describe(change));
  if (!needsRestart)
    return say(changes.length === 0 ? 'nothing to do' : 'containerd has the handler already: no restart');
  const handler = seen.config?.handler ?? {};
  say('restarts containerd');
  await restartOrTakeBack(node, settings, takeBack, ({ handler: loaded }) => carries(loaded, handler));
  say('containerd is back with the runtime handler podferry');
}
