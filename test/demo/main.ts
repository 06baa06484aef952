/**
 * npm run demo: a Redis with data and a writer is moved to the other node and back, in a lab of its own, and
 * everything that should be true afterwards is looked at.
 */
import { formatBytes } from '../../coordinator/cli/table.ts';
import { type Lab, nodeNames, runPod, up } from '../lab/index.ts';
import { tracesOf } from '../lab/traces.ts';
import { fillRedis } from '../workloads/redis.ts';
import { type Course, move, type Ordinary } from './course.ts';
import { Watch } from './kubectl-migrate.ts';
import { clusterDemo } from './kubernetes.ts';
import { keepLogs, takeDown, takeDownAbandoned } from './leave.ts';
import { readOptions } from './options.ts';
import { openOut } from './out.ts';
import { complaints, phaseTable, type Result, resultOf, summary, verified } from './report.ts';

const options = readOptions();
const { json, kubernetes, size, transports, moves, cache } = options;
const interrupted = new AbortController();
const { signal } = interrupted;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Not once: what takes the lab down must not be ended by a second Ctrl-C.
  process.on(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
}
const out = openOut(json, (error) => interrupted.abort(error));
const say = (line: string) => out.say(`demo: ${line}`);
const name = `podferry-demo-${process.pid}`;

async function demo(lab: Lab): Promise<void> {
  const [first, second] = nodeNames;
  const without = new Map([
    [first, await tracesOf(lab, first, signal)],
    [second, await tracesOf(lab, second, signal)],
  ]);
  const pod = await runPod(lab, first, { name: 'redis', image: 'redis', handler: 'podferry' }, signal);
  const data = await fillRedis(lab, pod.ip, size, signal);
  out.say(
    `redis runs on ${first} at ${pod.ip}, with ${data.keys} keys and ${formatBytes(data.bytes)} of random values`,
  );
  out.say('a writer opens a connection for each write, every 5 ms, and notes what was acknowledged');
  const ordinary: Ordinary = { without, with: { node: first, traces: await tracesOf(lab, first, signal) } };

  const watch = new Watch(lab, signal);
  const results: Result[] = [];
  let { ip } = pod;
  for (let number = 1; number <= moves; number++) {
    const [source, target] = number % 2 === 1 ? [first, second] : [second, first];
    const transport = transports[(number - 1) % transports.length] ?? '';
    const course: Course = { source, target, transport, number };
    out.say(`\n${number} of ${moves}: ${source} → ${target} over ${transport}`);
    const findings = await move(lab, { name: 'redis', ip }, course, ordinary, watch, out, signal);
    const result = resultOf(findings);
    out.result(result);
    out.say(`\n${phaseTable(findings.migration)}\n`);
    const wrong = complaints(findings);
    if (wrong.length > 0) throw new Error(`${source} → ${target} over ${transport}:\n${wrong.join('\n')}`);
    out.say(
      `verified:\n${verified(findings)
        .map((line) => `  ${line}`)
        .join('\n')}`,
    );
    results.push(result);
    ip = findings.migration.targetIp;
  }
  await watch.close();
  out.say(`\n${summary(results)}\n`);
}

async function main(): Promise<void> {
  await takeDownAbandoned(say);
  const began = performance.now();
  say(
    kubernetes
      ? 'bringing up a cluster of two nodes that Podferry has never been to'
      : 'bringing up two nodes with containerd, runc and CRIU, an agent on each, and a coordinator',
  );
  let lab: Lab | undefined;
  try {
    lab = await up({ name, say, signal, kubernetes, stock: kubernetes, ...(cache !== undefined && { cache }) });
    say(`lab ${name} is up in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    await (kubernetes ? clusterDemo(lab, options, out, signal) : demo(lab));
  } catch (error) {
    if (lab !== undefined && !signal.aborted) await keepLogs(lab, say);
    throw error;
  } finally {
    await takeDown(name, say);
  }
}

try {
  await main();
} catch (error) {
  // What a signal broke off fails in its own words; the signal is the reason to tell.
  const reason: unknown = signal.aborted ? signal.reason : error;
  process.stderr.write(`demo: ${reason instanceof Error ? reason.message : String(reason)}\n`);
  process.exitCode = signal.aborted ? 130 : 1;
}
