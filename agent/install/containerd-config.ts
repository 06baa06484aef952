/**
 * containerd's configuration as text: where our handler can stand in it, and how it is taken out again. Pure. What
 * containerd makes of a text only containerd can tell: see effective.ts.
 */
import { basename, dirname, join } from 'node:path';
import { parse, stringify, type TomlTable } from 'smol-toml';

export type Table = TomlTable;
export type Version = 2 | 3;

/** The main file, if there is one, and all that it imports, by path. */
export interface ConfigFiles {
  main: string;
  files: ReadonlyMap<string, string>;
}

/** One way to have the handler in: all files as they are then. */
export interface Placement {
  how: string;
  files: ReadonlyMap<string, string>;
}

/** What stands at the end of a file, or makes up one of our own. */
export type SectionOf = (version: Version) => string;

const plugins: Record<Version, string> = { 2: 'io.containerd.grpc.v1.cri', 3: 'io.containerd.cri.v1.runtime' };

const headOfOurs = "# podferry: made by its node installer, which also takes it away. Don't edit.";
const begin = '# podferry: begin. The node installer made this part, and takes it out again.';
const beginMidLine = `${begin} And the line end before it.`;
const end = '# podferry: end';
const added = ' # podferry';
const replaced = ' # podferry, instead of: ';

export function read(text: string): Table {
  return parse(text, { integersAsBigInt: 'asNeeded' });
}

/** As a file says it; 1 if it says none. */
export function versionOf(text: string): number {
  const { version } = read(text);
  return typeof version === 'number' ? version : 1;
}

export function importsOf(text: string): string[] {
  const { imports } = read(text);
  return Array.isArray(imports) ? imports.filter((each) => typeof each === 'string') : [];
}

const inside = (table: unknown, key: string): unknown => (table as Table | undefined)?.[key];

/** The handlers of a configuration, or of containerd's dump of one. */
export function handlersOf(config: Table): Record<string, Table> {
  const known = Object.values(plugins).map((plugin) => {
    const containerd = inside(inside(config['plugins'], plugin), 'containerd');
    return inside(containerd, 'runtimes') as Record<string, Table> | undefined;
  });
  return Object.assign({}, ...known) as Record<string, Table>;
}

/** @param others handlers to say again, where containerd would drop what it does not find beside ours */
export function section(version: Version, handler: Table, others: Record<string, Table> = {}): string {
  const runtimes = { ...others, podferry: handler };
  return `${stringify({ plugins: { [plugins[version]]: { containerd: { runtimes } } } }).trim()}\n`;
}

/** All ways to have a section in these files, which have nothing of ours, the best one first. */
export function placements({ main, files }: ConfigFiles, version: Version, sectionOf: SectionOf): Placement[] {
  const text = files.get(main);
  const block = sectionOf(version);
  if (text === undefined) {
    const made = ours(version, block);
    return [{ how: `a new ${main}`, files: new Map([[main, made]]) }];
  }
  const all: Placement[] = [];
  for (const pattern of importsOf(text)) {
    const path = fileFor(pattern);
    if (path === undefined || files.has(path)) continue;
    all.push({ how: `${path}, which ${main} imports`, files: new Map([...files, [path, ours(version, block)]]) });
  }
  const directory = join(dirname(main), 'conf.d');
  const path = join(directory, 'podferry.toml');
  const importing = withImports(text, join(directory, '*.toml'));
  if (importing !== undefined && !files.has(path)) {
    const both = new Map([...files, [main, importing], [path, ours(version, block)]]);
    all.push({ how: `${path}, and a line in ${main} that imports it`, files: both });
  }
  // containerd 1.7 takes a plugin's section from one file alone: from the last one that has any of it.
  const withPlugin = [...files.keys()].filter((path) => path !== main && hasPlugin(files.get(path) ?? '')).reverse();
  for (const path of [main, ...withPlugin]) {
    const text = files.get(path) ?? '';
    const own = versionOf(text);
    const added = append(text, sectionOf(own === 2 || own === 3 ? own : version));
    all.push({ how: `a part at the end of ${path}`, files: new Map([...files, [path, added]]) });
  }
  return all;
}

function hasPlugin(text: string): boolean {
  return Object.values(plugins).some((plugin) => inside(read(text)['plugins'], plugin) !== undefined);
}

/** A file that an import's pattern means; undefined where it cannot be told, or is no pattern. */
function fileFor(pattern: string): string | undefined {
  const name = basename(pattern);
  const isClear = pattern.startsWith('/') && name.split('*').length === 2 && !/[*?[\\]/.test(dirname(pattern));
  return isClear && !/[?[\\]/.test(name) ? join(dirname(pattern), name.replace('*', 'podferry')) : undefined;
}

function ours(version: Version, block: string): string {
  return append(`${headOfOurs}\nversion = ${version}\n\n`, block);
}

function append(text: string, block: string): string {
  const midLine = text !== '' && !text.endsWith('\n');
  return `${text}${midLine ? `\n${beginMidLine}` : begin}\n${block}${end}\n`;
}

/** With an import, where there is none; undefined where there are others: then there is a place for ours or not. */
function withImports(text: string, pattern: string): string | undefined {
  const { imports, ...rest } = read(text);
  const line = `imports = [${JSON.stringify(pattern)}]`;
  let changed: string;
  if (imports === undefined) {
    const [version] = /^version[ \t]*=.*\n/m.exec(text) ?? [];
    changed =
      version === undefined ? `${line}${added}\n${text}` : text.replace(version, () => `${version}${line}${added}\n`);
  } else {
    changed = text.replace(/^[ \t]*imports[ \t]*=[ \t]*\[[ \t]*\].*$/m, (old) => `${line}${replaced}${old}`);
  }
  // What looks like such a line may stand in a table or in a text of several lines.
  const { imports: now, ...others } = readOrNothing(changed);
  const isMeant = Array.isArray(now) && now[0] === pattern && JSON.stringify(others) === JSON.stringify(rest);
  return isMeant ? changed : undefined;
}

function readOrNothing(text: string): Table {
  try {
    return read(text);
  } catch {
    return {};
  }
}

/** A file without anything of ours; undefined if nothing is left of it. */
export function without(text: string): string | undefined {
  const escaped = (words: string) => words.replaceAll(/[.+]/g, '\\$&');
  const rest = text
    .replace(new RegExp(`\n${escaped(beginMidLine)}\n[^]*?^${end}\n`, 'm'), '')
    .replace(new RegExp(`^${escaped(begin)}\n[^]*?^${end}\n`, 'm'), '')
    .replace(new RegExp(`^imports = .*?${replaced}(.*)$`, 'm'), '$1')
    .replace(new RegExp(`^imports = .*${added}\n`, 'm'), '');
  return new RegExp(`^${escaped(headOfOurs)}\nversion = \\d\\s*$`).test(rest) ? undefined : rest;
}

/** Files without anything of ours. */
export function cleaned({ main, files }: ConfigFiles): ConfigFiles {
  const clean = new Map<string, string>();
  for (const [path, text] of files) {
    const rest = without(text);
    if (rest !== undefined) clean.set(path, rest);
  }
  const left = clean.get(main);
  const ourImport = /^imports = \["(.*)\/\*\.toml"\](?: # podferry$| # podferry, instead of: )/m.exec(
    files.get(main) ?? '',
  );
  const directory = ourImport?.[1];
  // Somebody else has come to use the directory that we made known: it has to stay known.
  const isShared = directory !== undefined && [...clean.keys()].some((path) => dirname(path) === directory);
  const withImport = files.get(main);
  if (left !== undefined && isShared && withImport !== undefined) {
    clean.set(main, withoutBlock(withImport));
  }
  return { main, files: clean };
}

function withoutBlock(text: string): string {
  return text.replace(new RegExp(`^# podferry: begin.*\n[^]*?^${end}\n`, 'm'), '');
}
