import { Command, Option } from 'commander';
import { writeFileSync } from 'node:fs';
import { down, type Lab, startAgent, stopAgent, up, type UpOptions } from '../lab/index.ts';
import { type Cell, type FreezeOptions, measureFreeze } from './freeze.ts';
import { type GapCell, ownedWorkloads } from './gap-cell.ts';
import { gapClusters, type GapOptions, measureGap } from './gap.ts';
import { timelineOf } from './profile/timeline.ts';
import { measureWrapper } from './wrapper.ts';

const program = new Command('bench').description('Measures in a lab of its own, and compares within one run');

type FreezeFlags = Omit<FreezeOptions, 'sizeMb' | 'profile'> & {
  size: number;
  json: boolean;
  profile: string | true | undefined;
};

const say = (line: string) => console.error(`bench: ${line}`);

const list = (text: string) => text.split(',');

program
  .command('freeze')
  .description('how long a Redis stands still: by Podferry, by hand (naive), and with CRIU alone')
  .option('--n <runs>', 'runs of each way that count', Number, 20)
  .option('--size <mb>', 'resident memory of Redis, about', Number, 15)
  .option('--ways <ways>', 'podferry, naive, raw-criu', list, ['podferry', 'naive', 'raw-criu'])
  .option('--transports <transports>', 'stream, nfs', list, ['stream', 'nfs'])
  .option('--strategies <strategies>', 'of podferry: stop-and-copy, post-copy (over stream)', list, ['stop-and-copy'])
  .option('--profile [file]', 'every piece of a freeze by Podferry, as a table and as a picture (SVG) in a file')
  .option('--json', 'one object a cell on standard output', false)
  .action(async ({ size, json, profile, ...options }: FreezeFlags) => {
    const measure = async (lab: Lab) => {
      if (profile !== undefined) await keepLogs(lab);
      return await measureFreeze(lab, { ...options, profile: profile !== undefined, sizeMb: size }, say);
    };
    const cells = await inLab(measure);
    if (json) for (const cell of cells) console.log(JSON.stringify(cell));
    else console.log(table(cells));
    if (profile !== undefined) show(cells, profile === true ? 'freeze-profile.svg' : profile);
  });

program
  .command('wrapper')
  .description('what the runtime wrapper adds to an ordinary start of a container')
  .option('--n <runs>', 'runs', Number, 100)
  .action(async ({ n }: { n: number }) => {
    const { idleMs, awaitingMs } = await inLab(async (lab) => await measureWrapper(lab, n));
    console.log(`${idleMs} ms at the median, ${awaitingMs} ms while the node awaits a migration`);
  });

program
  .command('gap')
  .description(
    'how long clients have no answer, with a connection that they keep and with new ones: moved by Podferry, or (in a cluster, by way of a Service) deleted and made again',
  )
  .option('--n <runs>', 'runs of each way that count', Number, 20)
  .option('--size <mb>', 'resident memory of Redis, about', Number, 15)
  .addOption(
    new Option('--cluster <kind>', 'a whole Kubernetes, or a pod made through CRI, which is faster')
      .choices(gapClusters)
      .default('kubernetes'),
  )
  .option('--workloads <workloads>', `of kubernetes: ${ownedWorkloads.join(', ')}`, list, [...ownedWorkloads])
  .option('--connection-linger <span>', 'as of kubectl migrate', '30s')
  .option('--json', 'one object a cell on standard output', false)
  .action(async ({ size, json, ...options }: Omit<GapOptions, 'sizeMb'> & { size: number; json: boolean }) => {
    const measure = async (lab: Lab) => await measureGap(lab, { ...options, sizeMb: size }, say);
    const cells = await inLab(measure, { kubernetes: options.cluster === 'kubernetes' });
    if (json) for (const cell of cells) console.log(JSON.stringify(cell));
    else console.log(gapTable(cells));
  });

async function inLab<T>(measure: (lab: Lab) => Promise<T>, options: UpOptions = {}): Promise<T> {
  const name = `bench-${process.pid}`;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void down(name).finally(() => process.exit(130)));
  }
  const lab = await up({ ...options, name, say });
  try {
    return await measure(lab);
  } finally {
    await lab.down();
  }
}

/** CRIU says all that it does then, which makes a dump a little longer. */
async function keepLogs(lab: Lab): Promise<void> {
  for (const node of lab.nodeNames) {
    await stopAgent(lab, node);
    await startAgent(lab, node, { args: ['--keep-logs', '10'] });
  }
}

function show(cells: readonly Cell[], file: string): void {
  const [cell] = cells.filter(({ pieces }) => pieces !== undefined);
  if (cell?.pieces === undefined) return;
  const { way, transport, sizeMb, n } = cell;
  const title = `A freeze by ${way}, ${transport}, ${sizeMb} MB: medians of ${n}, with CRIU's whole log`;
  writeFileSync(file, timelineOf(cell.pieces, title));
  const rows = cell.pieces.map(({ lane, what, from, to }) => {
    return `| ${lane} | ${what} | ${from.toFixed(1)} | ${(to - from).toFixed(1)} |`;
  });
  console.log(['', '| who | what | at ms | takes ms |', '| --- | --- | ---: | ---: |', ...rows].join('\n'));
  say(`the picture is in ${file}`);
}

function table(cells: readonly Cell[]): string {
  const floor = cells.find(({ way }) => way === 'raw-criu');
  const rows = cells.map(({ way, strategy, transport, n, p50, p95, p99, min, max, parts }) => {
    const made = Object.entries(parts).map(([part, ms]) => `${part} ${ms}`);
    const ratio = floor === undefined ? '' : (p50 / floor.p50).toFixed(2);
    return `| ${[way, strategy.replaceAll('_', '-'), transport, n, p50, p95, p99, min, max, ratio, made.join(' + ')].join(' | ')} |`;
  });
  return [
    '| way | strategy | transport | runs | p50 ms | p95 ms | p99 ms | min | max | × raw CRIU | made of (medians) |',
    '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    ...rows,
  ].join('\n');
}

function gapTable(cells: readonly GapCell[]): string {
  const rows = cells.map((cell) => {
    const { workload, way, client, n, p50, p95, min, max, errors, lost, freezeMs, overFreezeMs, parts } = cell;
    const made = Object.entries(parts ?? {}).map(([part, ms]) => `${part} ${ms}`);
    const isOther = (each: GapCell) => each.workload === workload && each.client === client && each.way === 'recreate';
    const other = cells.find(isOther);
    const ratio = other === undefined ? '' : (p50 / other.p50).toFixed(2);
    const over = [freezeMs, overFreezeMs?.p50, overFreezeMs?.p95];
    const cols = [workload, way, client, n, p50, p95, min, max, ...over, ratio, errors, lost, made.join(' + ')];
    return `| ${cols.map((col) => col ?? '').join(' | ')} |`;
  });
  const titles = 'workload | way | client | runs | p50 ms | p95 ms | min | max | freeze p50 | over freeze p50 | p95';
  return [
    `| ${titles} | × recreate | errors | writes lost | made of (medians) |`,
    `| --- | --- | --- |${' ---: |'.repeat(11)} --- |`,
    ...rows,
  ].join('\n');
}

await program.parseAsync();
