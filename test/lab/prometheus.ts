import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './command.ts';
import { type Entrance, entering, spawnIn } from './enter.ts';
import { type PodMonitor, type Pods, scrapeConfigs } from './prometheus-config.ts';
import { prometheusPrograms } from './prometheus-programs.ts';

/** A real Prometheus that scrapes what a PodMonitor means and evaluates a file of rules. */
export interface Prometheus {
  /** What an expression has now. @throws what is wrong with it */
  query(expr: string): Promise<Sample[]>;
  targets(): Promise<Target[]>;
  rules(): Promise<RuleState[]>;
  stop(): Promise<void>;
}

export interface Sample {
  metric: Record<string, string>;
  value: number;
}

export interface Target {
  labels: Record<string, string>;
  scrapeUrl: string;
  health: 'up' | 'down' | 'unknown';
  lastError: string;
}

export interface RuleState {
  name: string;
  type: 'alerting' | 'recording';
  /** Whether it could be evaluated. */
  health: 'ok' | 'err' | 'unknown';
  lastError?: string;
  /** Of an alert. */
  state?: 'inactive' | 'pending' | 'firing';
}

export interface PrometheusOptions {
  cache: string;
  podMonitor: PodMonitor;
  pods: Pods;
  /** Files of rules. */
  rules: readonly string[];
  /** Where it listens; port 0 takes any. */
  listen?: string;
  /** Also how often rules are evaluated. */
  interval?: string;
  /** Where it runs, and is asked; without it: beside the test. */
  entrance?: Entrance;
  say?: (line: string) => void;
  signal?: AbortSignal;
}

const patienceMs = 30_000;
// What it scrapes is never behind a proxy of this machine.
const withoutProxy = { NO_PROXY: '*', no_proxy: '*' };

export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const { podMonitor, pods, rules, listen = '127.0.0.1:0', interval = '1s', entrance, signal } = options;
  const { prometheus } = await prometheusPrograms(options.cache, options.say ?? (() => {}), signal);
  const directory = await mkdtemp(join(tmpdir(), 'podferry-prometheus-'));
  const config = {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: rules,
    scrape_configs: scrapeConfigs(podMonitor, pods, interval),
  };
  // JSON is YAML.
  await writeFile(join(directory, 'prometheus.yml'), JSON.stringify(config));
  const argv = [
    prometheus,
    `--config.file=${join(directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=${listen}`,
    '--log.format=json',
  ];
  const child = launch(argv, entrance);
  const over = ended(child);
  const killed = () => child.kill('SIGKILL');
  process.once('exit', killed);
  const stop = async () => {
    child.kill('SIGTERM');
    await over;
    process.off('exit', killed);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const address = await ready(child, signal);
    const ask = async (path: string) => await askAt(`http://${address}/api/v1/${path}`, entrance, signal);
    return {
      query: async (expr) => samplesIn(await ask(`query?query=${encodeURIComponent(expr)}`)),
      targets: async () => ((await ask('targets?state=active')) as { activeTargets: Target[] }).activeTargets,
      rules: async () =>
        ((await ask('rules')) as { groups: { rules: RuleState[] }[] }).groups.flatMap((group) => group.rules),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** All of them, healthy or not. @throws when there are not so many in time, with what keeps them */
export async function untilUp(prometheus: Prometheus, count: number, signal?: AbortSignal): Promise<Target[]> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const targets = await prometheus.targets();
    const up = targets.filter(({ health }) => health === 'up');
    if (up.length === count && targets.length === count) return targets;
    if (performance.now() > end) {
      const are = targets.map(({ scrapeUrl, health, lastError }) => `${scrapeUrl} ${health} ${lastError}`).join('; ');
      throw new Error(`Prometheus scrapes ${up.length} of ${count}: ${are || 'it knows none'}`);
    }
    await sleep(250, undefined, signal ? { signal } : {});
  }
}

function launch(argv: readonly string[], entrance: Entrance | undefined): ChildProcess {
  const stdio = ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'];
  const [program = '', ...rest] = argv;
  if (entrance !== undefined) return spawnIn(entrance, argv, { stdio, env: withoutProxy });
  return spawn(program, rest, { stdio, env: { ...process.env, ...withoutProxy } });
}

async function ended(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
}

/** @returns where it listens, once it does and has read its configuration */
async function ready(child: ChildProcess, signal?: AbortSignal): Promise<string> {
  const lines: string[] = [];
  let address: string | undefined;
  return await new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`Prometheus ${why}:\n${lines.slice(-12).join('\n')}`));
    const timer = setTimeout(() => fail(`was not ready within ${patienceMs} ms`), patienceMs);
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    child.once('error', reject);
    child.once('close', (code) => fail(`ended while it started (exit ${code})`));
    let rest = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const parts = `${rest}${text}`.split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts);
      lines.splice(0, lines.length - 100);
      for (const line of parts) {
        const { msg, address: at } = JSON.parse(line) as { msg: string; address?: string };
        if (msg === 'Listening on') address = at;
        if (msg !== 'Server is ready to receive web requests.' || address === undefined) continue;
        clearTimeout(timer);
        resolve(address);
      }
    });
  });
}

interface Answer {
  status: 'success' | 'error';
  data: unknown;
  error?: string;
}

/** By a process of the place, since only that reaches it. */
async function askAt(url: string, entrance: Entrance | undefined, signal?: AbortSignal): Promise<unknown> {
  const script = 'console.log(await (await fetch(process.argv[1])).text())';
  const argv = [process.execPath, '--input-type=module', '-e', script, url];
  const text =
    entrance === undefined
      ? await (await fetch(url, signal ? { signal } : {})).text()
      : await run(entering(entrance, argv), { env: { ...process.env, ...withoutProxy } }, signal);
  const { status, data, error } = JSON.parse(text) as Answer;
  if (status !== 'success') throw new Error(`Prometheus refuses ${decodeURIComponent(url)}: ${error}`);
  return data;
}

function samplesIn(data: unknown): Sample[] {
  const { resultType, result } = data as {
    resultType: string;
    result: { metric: Record<string, string>; value: [number, string] }[];
  };
  if (resultType !== 'vector') throw new Error(`the answer is a ${resultType}, not a vector`);
  // As Prometheus writes them, they are +Inf and NaN.
  return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value.replace('Inf', 'Infinity')) }));
}
