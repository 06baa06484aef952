/** The demo's flags; what cannot be is refused before anything is started. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { transportNames } from '../../coordinator/cli/migrate.ts';

export interface Options {
  json: boolean;
  kubernetes: boolean;
  size: number;
  transports: readonly string[];
  moves: number;
  cache: string | undefined;
}

export function readOptions(): Options {
  const {
    json = false,
    kubernetes = false,
    size,
    transports,
    moves = transports.length,
    cache,
  } = new Command('demo')
    .description('Moves a Redis with a writer between two nodes of a lab, and verifies what became of it')
    .option('--json', 'one JSON object a migration on stdout, everything else on stderr')
    .option('--kubernetes', 'on a cluster, to which Podferry comes by its chart, and from which it goes again')
    .option('--size <mb>', 'megabytes of data', parseCount, 12)
    .addOption(
      new Option('--transports <names>', 'one a migration, in turn')
        .default(['stream', 'nfs'], 'stream,nfs')
        .argParser(parseTransports),
    )
    .option('--moves <n>', 'how many migrations (default: one for each transport)', parseCount)
    .option('--cache <dir>', "where the nodes' root is kept between labs")
    .parse()
    .opts<Pick<Options, 'size' | 'transports'> & Partial<Options>>();
  return { json, kubernetes, size, transports, moves, cache };
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It has to be a number from 1 to 9999.');
  return Number(text);
}

function parseTransports(text: string): string[] {
  const names = text.split(',');
  const unknown = names.filter((name) => !transportNames.includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`There are ${transportNames.join(' and ')}.`);
  return names;
}
