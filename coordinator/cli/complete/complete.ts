/**
 * What could come next on a command line, as kubectl asks its plugins: it runs `kubectl_complete-NAME` with the words,
 * and reads one candidate a line, with a tab before what describes it, and at the end a number after a colon.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { networkNames, strategyNames, transportNames, waitNames } from '../migrate.ts';
import type { WayFlags } from '../way/way.ts';
import { type Named, type NameOf, namesOf } from './names.ts';
import { fallbackName, type Line, lineOf } from './wanted.ts';

/** Cobra's: 4 says that files are no candidates, 0 that they are, 16 that directories are. */
const directive = { none: 4, files: 0, directories: 16 } as const;

/** A shell stands still meanwhile. */
export const patienceMs = 2_000;

const files: readonly string[] = ['kubeconfig', 'tokenFile', 'caFile'];
const choices: Record<string, readonly string[]> = {
  strategy: strategyNames,
  transport: transportNames,
  network: networkNames,
  wait: waitNames,
};
const namesOfFlag: Record<string, NameOf> = {
  to: 'node',
  namespace: 'namespace',
  podferryNamespace: 'namespace',
  context: 'context',
  fromCheckpoint: 'checkpoint',
};
const namesOfArgument: Record<string, NameOf> = {
  get: 'migration',
  watch: 'runningMigration',
  cancel: 'runningMigration',
  delete: 'checkpoint',
};

/** @returns all of the answer. Never fails: what cannot be known is not told. @param find in place of the cluster */
export async function complete(
  program: Command,
  words: readonly string[],
  find: (kind: NameOf, flags: WayFlags, signal: AbortSignal) => Promise<Named[]> = namesOf,
  withinMs = patienceMs,
): Promise<string> {
  const line = lineOf(program, words);
  const { command, wanted } = line;
  const enough = new AbortController();
  const flags = wayFlagsOf(line);
  const known = async (kind: NameOf | undefined): Promise<Named[]> => {
    if (kind === undefined) return [];
    const late = sleep(withinMs, [], { ref: false });
    return await Promise.race([find(kind, flags, enough.signal), late]).catch(() => []);
  };
  try {
    if (wanted.kind === 'flag') {
      const of = command ?? program.commands.find((each) => each.name() === fallbackName) ?? program;
      return answer(flagsOf(of, line), wanted.start);
    }
    if (wanted.kind === 'value') {
      const { option, start } = wanted;
      const kind = option.attributeName();
      if (files.includes(kind)) return answer([], start, directive.files);
      if (kind === 'tlsDir') return answer([], start, directive.directories);
      const values = option.argChoices ?? choices[kind];
      const found = values?.map((name) => ({ name })) ?? (await known(namesOfFlag[kind]));
      return answer(found, start);
    }
    if (wanted.at > 0) return answer([], wanted.start);
    if (command !== undefined && command.name() !== fallbackName)
      return answer(await known(namesOfArgument[command.name()]), wanted.start);
    return answer(await argumentsOf(program, line, known), wanted.start);
  } finally {
    enough.abort();
  }
}

async function argumentsOf(
  program: Command,
  { command, flags, wanted }: Line,
  known: (kind: NameOf) => Promise<Named[]>,
): Promise<Named[]> {
  if (flags['fromCheckpoint'] !== undefined) return [];
  const [, kind = ''] = /^(pods?|nodes?)\//.exec(wanted.start) ?? [];
  const moves = program.name() === 'kubectl migrate';
  if (kind.startsWith('node')) return moves ? led(`${kind}/`, await known('node')) : [];
  if (kind !== '') return led(`${kind}/`, await known('pod'));
  const commands = command === undefined ? program.commands.filter((each) => each.name() !== fallbackName) : [];
  const described = commands.map((each) => ({ name: each.name(), description: each.description() }));
  const pods = await known('pod');
  // As a whole only with a slash behind it, which is typed by asking for this.
  const nodes =
    moves && wanted.start !== '' && 'node/'.startsWith(wanted.start) ? led('node/', await known('node')) : [];
  return [...pods, ...described, ...nodes];
}

function flagsOf(command: Command, { flags }: Line): Named[] {
  return command.options
    .filter((option) => flags[option.attributeName()] === undefined && !option.hidden)
    .map((option) => ({ name: option.long ?? option.short ?? '', description: option.description }));
}

function led(lead: string, all: readonly Named[]): Named[] {
  return all.map(({ name, ...rest }) => ({ ...rest, name: `${lead}${name}` }));
}

function answer(candidates: readonly Named[], start: string, end: number = directive.none): string {
  const fitting = candidates.filter(({ name }) => name.startsWith(start));
  const lines = fitting.map(({ name, description = '' }) =>
    description === '' ? name : `${name}\t${oneLine(description)}`,
  );
  return `${[...lines, `:${end}`].join('\n')}\n`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

/** Of those that say which cluster is meant, and as whom; the environment says the rest, as for the commands. */
function wayFlagsOf({ flags }: Line): WayFlags {
  const env: Record<string, string | undefined> = {
    coordinator: process.env['PODFERRY_COORDINATOR'],
    tlsDir: process.env['PODFERRY_TLS_DIR'],
    tokenFile: process.env['PODFERRY_TOKEN_FILE'],
    caFile: process.env['PODFERRY_CA_FILE'],
  };
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
  return { podferryNamespace: 'podferry-system', ...given, ...flags };
}
