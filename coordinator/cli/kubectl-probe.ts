#!/usr/bin/env node
/** What a client of a pod misses, measured for itself. On the PATH kubectl finds it as "kubectl probe". */
import { Command, CommanderError, Option } from 'commander';
import { Prober } from '../probe/prober.ts';
import { describe, failed } from '../probe/report.ts';
import { parseTarget, urlForms } from '../probe/target.ts';
import { checkTiming, parseSpans } from '../probe/timing.ts';
import { printLines, processConsole } from './console.ts';
import { exitCode, explain } from './exit.ts';
import { print } from './show.ts';
import { version } from './version.ts';

const console = processConsole;

interface ProbeFlags {
  interval: string;
  timeout: string;
  for: string;
  output?: 'json' | 'text';
}

async function probe(url: string, flags: ProbeFlags): Promise<void> {
  const target = parseTarget(url);
  const spans = parseSpans({ interval: flags.interval, timeout: flags.timeout, for: flags.for });
  const prober = new Prober(target, checkTiming({ intervalMs: spans.interval, timeoutMs: spans.timeout }));
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), spans.for);
  let interrupts = 0;
  console.onInterrupt(() => {
    interrupts += 1;
    // Twice: whoever does not want to wait for the last attempts either.
    if (interrupts > 1) process.exit(exitCode.interrupted);
    stop.abort();
  });
  const report = await prober.run(stop.signal).finally(() => clearTimeout(timer));
  console.out.write(flags.output === 'json' ? print(report, 'json') : `${describe(report)}\n`);
  process.exitCode = failed(report) ? 1 : 0;
}

const program = new Command('kubectl probe')
  .description('Ask a pod again and again, over a new connection each time, and say what a client of it has missed.')
  .version(version, '--version', 'which one this is')
  .exitOverride()
  .argument('<url>', urlForms)
  .option('--interval <span>', 'from one attempt to the next; they may overlap', '5ms')
  .option('--timeout <span>', 'of one attempt', '1s')
  .option('--for <span>', 'how long to go on; Ctrl-C ends it earlier', '30s')
  .addOption(new Option('-o, --output <format>', 'how to print (default text)').choices(['json', 'text']))
  .addHelpText(
    'after',
    '\nA success is: tcp, a connection; http, any status below 500; redis, PONG or NOAUTH.\n' +
      'Exit codes: 0 every attempt succeeded, 1 some failed, 2 usage, 3 this machine could not measure.',
  )
  .action(probe);

// Whoever reads may have seen enough (| head): no reason to fail.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

async function run(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else {
      const { lines, code } = explain(error);
      printLines(console, lines);
      process.exitCode = code;
    }
  }
}

// Not awaited here: a single executable is a script that cannot.
void run();
