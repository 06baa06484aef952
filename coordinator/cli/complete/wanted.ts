/** What is being typed: from the words of a command line to what could stand at its end. Pure. */
import type { Command, Option } from 'commander';

export interface Line {
  /** Undefined: none is named yet, and the word could be one. */
  command: Command | undefined;
  /** By its attribute in commander. */
  flags: Record<string, string | true>;
  wanted: Wanted;
}

export type Wanted =
  | { kind: 'flag'; start: string }
  /** Also of `--flag=VALUE`: the shell knows what stands before it. */
  | { kind: 'value'; option: Option; start: string }
  | { kind: 'argument'; at: number; start: string };

/** @param words all that comes after the program's name; the last one is being typed, or empty */
export function lineOf(program: Command, words: readonly string[]): Line {
  const fallback = program.commands.find((each) => each.name() === fallbackName);
  let command: Command | undefined;
  const flags: Line['flags'] = {};
  const args: string[] = [];
  let open: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (open !== undefined) {
      flags[open.attributeName()] = word;
      open = undefined;
    } else if (word.startsWith('-') && word !== '-') {
      const [name, value] = split(word);
      const option = optionOf(command ?? fallback, name);
      if (option === undefined) continue;
      if (!takesValue(option)) flags[option.attributeName()] = true;
      else if (value === undefined) open = option;
      else flags[option.attributeName()] = value;
    } else if (command === undefined) {
      command = program.commands.find((each) => each.name() === word) ?? fallback;
      if (command?.name() !== word) args.push(word);
    } else args.push(word);
  }
  return { command, flags, wanted: wantedAt(words.at(-1) ?? '', open, command ?? fallback, args.length) };
}

function wantedAt(word: string, open: Option | undefined, command: Command | undefined, at: number): Wanted {
  if (open !== undefined) return { kind: 'value', option: open, start: word };
  if (!word.startsWith('-')) return { kind: 'argument', at, start: word };
  const [name, value] = split(word);
  const option = value === undefined ? undefined : optionOf(command, name);
  if (option === undefined || value === undefined) return { kind: 'flag', start: word };
  return { kind: 'value', option, start: value };
}

function split(word: string): [string, string | undefined] {
  const at = word.indexOf('=');
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function optionOf(command: Command | undefined, name: string): Option | undefined {
  return command?.options.find(({ long, short }) => long === name || short === name);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

/** The word that may be left out. */
export const fallbackName = 'pod';
