/**
 * npm run demo -- --kubernetes: on a cluster that Podferry has never been to it is installed by its chart, a
 * Deployment's Redis moves there and back under a writer that comes through its Service, and it is taken away again.
 */
import { formatBytes } from '../../coordinator/cli/table.ts';
import { container, deployment, podSpec, service, thePodOf } from '../cluster/workload.ts';
import { chartNamespace, installChart, runHelm } from '../lab/chart.ts';
import { diskOf, tracesOfPodferry } from '../lab/disk.ts';
import { apply, type Lab, loadPodferryImage, runKubectl } from '../lab/index.ts';
import { leftoversOf } from '../lab/leftovers.ts';
import type { NodeName } from '../lab/layout.ts';
import { contentOf, fillRedis, RunningWriter } from '../workloads/redis.ts';
import type { Findings } from './course.ts';
import { migrate } from './kubectl-migrate.ts';
import type { Options } from './options.ts';
import type { Out } from './out.ts';
import { complaints, phaseTable, type Result, resultOf, summary, verified } from './report.ts';

const app = 'redis';
const port = 6379;

export async function clusterDemo(lab: Lab, options: Options, out: Out, signal: AbortSignal): Promise<void> {
  await loadPodferryImage(lab, (line) => out.say(`demo: ${line}`), signal);
  const before = await lookAtDisks(lab);
  out.say(`\n$ helm install podferry charts/podferry --namespace ${chartNamespace} --create-namespace`);
  const began = performance.now();
  await installChart(lab, [], { signal });
  out.say(`every node takes part after ${((performance.now() - began) / 1_000).toFixed(1)} s`);

  await apply(lab, [deployment(app, podSpec([container(app)])), service(app, port)], { signal });
  const { node, ip } = await thePodOf(lab, app);
  const data = await fillRedis(lab, ip, options.size, signal);
  out.say(
    `a Deployment’s redis runs on ${node}, with ${data.keys} keys and ${formatBytes(data.bytes)} of random values`,
  );
  out.say('a writer opens a connection to its Service for each write, every 5 ms, and notes what was acknowledged');
  const results: Result[] = [];
  for (let number = 1; number <= options.moves; number++) {
    const transport = options.transports[(number - 1) % options.transports.length] ?? '';
    out.say(`\n${number} of ${options.moves}, over ${transport}`);
    const findings = await move(lab, { number, transport }, out, signal);
    const result = resultOf(findings);
    out.result(result);
    out.say(`\n${phaseTable(findings.migration)}\n`);
    const wrong = complaints(findings);
    if (wrong.length > 0)
      throw new Error(`${result.source} → ${result.target} over ${transport}:\n${wrong.join('\n')}`);
    const lines = verified(findings).map((line) => `  ${line}`);
    out.say(`verified:\n${lines.join('\n')}`);
    results.push(result);
  }
  out.say(`\n${summary(results)}\n`);

  await runKubectl(lab, ['delete', `service/${app}`, `deployment/${app}`, '--cascade=foreground'], { signal });
  out.say('$ helm uninstall podferry');
  await runHelm(lab, ['uninstall', 'podferry', '--timeout', '4m'], { signal });
  await expectAsBefore(lab, before);
  out.say('verified: nothing of Podferry is left on the nodes, and their disks are byte for byte what they were');
}

async function move(
  lab: Lab,
  { number, transport }: { number: number; transport: string },
  out: Out,
  signal: AbortSignal,
): Promise<Findings> {
  const { name, node, ip } = await thePodOf(lab, app);
  const target = lab.nodeNames.find((other) => other !== node);
  if (target === undefined) throw new Error(`lab ${lab.name} has no node to move to`);
  const before = await contentOf(lab, ip, undefined, signal);
  const prefix = `w${number}:`;
  const address = await runKubectl(lab, ['get', 'service', app, '-o', 'jsonpath={.spec.clusterIP}'], { signal });
  const writer = await RunningWriter.start(lab, address, { place: target, prefix, signal });
  const words = [name, '--to', target, '--transport', transport, '--wait', 'all'];
  out.say(`$ kubectl migrate ${words.join(' ')}`);
  const migration = await migrate(lab, words, out.terminal, signal);
  const moved = await thePodOf(lab, app);
  const after = await contentOf(lab, moved.ip, prefix, signal);
  const restarts = moved.pod.status?.containerStatuses?.map(({ restartCount }) => restartCount) ?? [];
  const wrong = [
    ...(moved.node === target ? [] : [`the pod is on ${moved.node}`]),
    ...(restarts.every((count) => count === 0) ? [] : [`its containers were restarted: ${restarts.join(', ')}`]),
    ...(await leftoversOf(lab)).map((what) => `left on ${what}`),
  ];
  const looked = `${moved.name} is the Deployment’s only pod, none of its containers was restarted, and no node has anything left of the move`;
  return { migration, before, after, writer: await writer.finish(), wrong, looked };
}

async function lookAtDisks(lab: Lab): Promise<Map<NodeName, string[]>> {
  const looked = lab.nodeNames.map(async (node) => [node, await diskOf(lab, node)] as const);
  return new Map(await Promise.all(looked));
}

async function expectAsBefore(lab: Lab, before: ReadonlyMap<NodeName, string[]>): Promise<void> {
  const wrong: string[] = [];
  for (const [node, disk] of await lookAtDisks(lab)) {
    const was = before.get(node) ?? [];
    wrong.push(...disk.filter((line) => !was.includes(line)).map((line) => `${node} has now: ${line}`));
    wrong.push(...was.filter((line) => !disk.includes(line)).map((line) => `${node} had: ${line}`));
    wrong.push(...(await tracesOfPodferry(lab, node)).map((line) => `left on ${node}: ${line}`));
  }
  if (wrong.length > 0) throw new Error(`helm uninstall has not taken everything away:\n${wrong.join('\n')}`);
}
