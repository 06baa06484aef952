import { Command } from 'commander';
import { down, type Lab, up, type UpOptions } from '../lab/index.ts';
import { type Cell, type FreezeOptions, measureFreeze } from './freeze.ts';
import { type GapCell, gapWorkloads, type GapWorkload, measureGap } from './gap.ts';
import { measureWrapper } from './wrapper.ts';

const program = new Command('bench').description('Measures in a lab of its own, and compares within one run');

const say = (line: string) => console.error(`bench: ${line}`);

const list = (text: string) => text.split(',');

program
  .command('freeze')
  .description('how long a Redis stands still: by Podferry, by hand (naive), and with CRIU alone')
  .option('--n <runs>', 'runs of each way that count', Number, 20)
  .option('--size <mb>', 'resident memory of Redis, about', Number, 15)
  .option('--ways <ways>', 'podferry, naive, raw-criu', list, ['podferry', 'naive', 'raw-criu'])
  .option('--transports <transports>', 'stream, nfs', list, ['stream', 'nfs'])
  .option('--json', 'one object a cell on standard output', false)
  .action(async ({ size, json, ...options }: Omit<FreezeOptions, 'sizeMb'> & { size: number; json: boolean }) => {
    const cells = await inLab(async (lab) => await measureFreeze(lab, { ...options, sizeMb: size }, say));
    if (json) for (const cell of cells) console.log(JSON.stringify(cell));
    else console.log(table(cells));
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
    'how long a client of a Service has no answer, in a cluster: moved by Podferry, or deleted and made again',
  )
  .option('--n <runs>', 'runs of each way that count', Number, 20)
  .option('--size <mb>', 'resident memory of Redis, about', Number, 15)
  .option('--workloads <workloads>', gapWorkloads.join(', '), list, [...gapWorkloads])
  .option('--json', 'one object a cell on standard output', false)
  .action(
    async ({ n, size, workloads, json }: { n: number; size: number; workloads: GapWorkload[]; json: boolean }) => {
      const measure = async (lab: Lab) => await measureGap(lab, { n, sizeMb: size, workloads }, say);
      const cells = await inLab(measure, { kubernetes: true });
      if (json) for (const cell of cells) console.log(JSON.stringify(cell));
      else console.log(gapTable(cells));
    },
  );

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

function table(cells: readonly Cell[]): string {
  const rows = cells.map(({ way, transport, n, p50, p95, min, max, parts }) => {
    const made = Object.entries(parts).map(([part, ms]) => `${part} ${ms}`);
    return `| ${way} | ${transport} | ${n} | ${p50} | ${p95} | ${min} | ${max} | ${made.join(' + ')} |`;
  });
  return [
    '| way | transport | runs | p50 ms | p95 ms | min | max | made of (medians) |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |',
    ...rows,
  ].join('\n');
}

function gapTable(cells: readonly GapCell[]): string {
  const rows = cells.map((cell) => {
    const { workload, way, n, p50, p95, min, max, errors, lost, parts } = cell;
    const made = Object.entries(parts ?? {}).map(([part, ms]) => `${part} ${ms}`);
    const other = cells.find((each) => each.workload === workload && each.way === 'recreate');
    const ratio = other === undefined ? '' : (p50 / other.p50).toFixed(2);
    const cols = [workload, way, n, p50, p95, min, max, ratio, errors, lost, made.join(' + ')];
    return `| ${cols.join(' | ')} |`;
  });
  return [
    '| workload | way | runs | p50 ms | p95 ms | min | max | × recreate | errors p50 | writes lost | made of (medians) |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    ...rows,
  ].join('\n');
}

await program.parseAsync();
