/** kubectl migrate POD --to NODE */
import { Fault } from '../../proto/fault.ts';
import type { MigrateRequest } from '../../proto/gen/podferry/v1/MigrateRequest.ts';
import { parseDuration, parseLinger } from '../duration.ts';
import { mistakeIn } from '../names.ts';
import { parseTarget } from '../probe/target.ts';
import type { Connection } from './way/connection.ts';
import { type Console, printLines } from './console.ts';
import { type ExitCode, exitCode, reasonLines } from './exit.ts';
import { type FollowFlags, followToEnd } from './follow.ts';
import { Probing } from './probing.ts';
import { dashed, type Format, isForPrograms, networkOf, print, showOne } from './show.ts';

export interface MigrateFlags extends FollowFlags {
  namespace: string;
  to?: string;
  strategy: string;
  transport: string;
  timeout?: string;
  freezeTimeout?: string;
  linger?: string;
  network?: string;
  connectionLinger?: string;
  probe?: string;
  dryRun?: boolean;
  detach?: boolean;
}

/** What somebody has to know before choosing it. */
export const postCopyNotice =
  'post-copy: the pod runs at the target before its memory is there. If the nodes lose each other for 30 s until it is, ' +
  'the pod is ended at the target, and its memory is lost: it starts again cold, and the source never runs again';

const strategies = ['stop_and_copy', 'pre_copy', 'post_copy', 'recreate', 'auto'] as const;
const transports = ['stream', 'nfs'] as const;
const networks = ['keep_address', 'translate', 'close'] as const;
export const networkNames = networks.map(dashed);
export const waitNames: readonly string[] = ['moved', 'all'];
export const strategyNames = strategies.map(dashed);
export const transportNames: readonly string[] = transports;

/** @throws Fault InvalidArgument with every mistake, before anybody is asked */
export function readFlags(argument: string, flags: MigrateFlags, kind: 'pod' | 'node' = 'pod'): MigrateRequest {
  const mistakes: string[] = [];
  const check = (mistake: string | undefined) => mistake !== undefined && mistakes.push(mistake);
  const pod = argument.replace(/^pods?\//, '');
  check(mistakeIn(kind, pod));
  if (kind === 'pod' || flags.namespace !== '') check(mistakeIn('namespace', flags.namespace));
  if (kind === 'node' && (flags.probe !== undefined || flags.detach)) check('--probe and --detach are for one pod');
  if (flags.to !== undefined) check(mistakeIn('node', flags.to));
  const strategy = strategies.find((name) => dashed(name) === dashed(flags.strategy));
  if (strategy === undefined)
    check(`--strategy: ${JSON.stringify(flags.strategy)} is none of ${strategyNames.join(', ')}`);
  const transport = transports.find((name) => name === flags.transport);
  if (transport === undefined)
    check(`--transport: ${JSON.stringify(flags.transport)} is none of ${transports.join(', ')}`);
  const network = networks.find((name) => dashed(name) === flags.network);
  if (flags.network !== undefined && network === undefined)
    check(`--network: ${JSON.stringify(flags.network)} is none of ${networkNames.join(', ')}`);
  if (flags.wait !== undefined && !waitNames.includes(flags.wait))
    check(`--wait: ${JSON.stringify(flags.wait)} is none of ${waitNames.join(', ')}`);
  const span = (name: string, text: string | undefined, parse = parseDuration) => {
    try {
      return text === undefined ? undefined : parse(text);
    } catch (error) {
      return void check(`--${name}: ${(error as Error).message}`);
    }
  };
  const timeout = span('timeout', flags.timeout);
  const freezeTimeout = span('freeze-timeout', flags.freezeTimeout);
  const linger = span('linger', flags.linger);
  const connectionLinger = span('connection-linger', flags.connectionLinger, parseLinger);
  try {
    if (flags.probe !== undefined) parseTarget(flags.probe);
  } catch (error) {
    check(`--probe: ${(error as Error).message}`);
  }
  if (flags.probe !== undefined && (flags.detach || flags.dryRun))
    check('--probe lasts as long as a migration that is waited for: not with --detach or --dry-run');
  if (timeout === 0 || freezeTimeout === 0) check('--timeout and --freeze-timeout have to be more than nothing');
  if (mistakes.length > 0) throw new Fault('InvalidArgument', mistakes.join('; '));
  return {
    pod: { namespace: flags.namespace, name: pod },
    target_node: flags.to ?? '',
    ...(strategy === undefined ? {} : { strategy }),
    ...(transport === undefined ? {} : { transport }),
    ...(timeout === undefined ? {} : { timeout_ms: timeout }),
    ...(freezeTimeout === undefined ? {} : { freeze_timeout_ms: freezeTimeout }),
    ...(linger === undefined ? {} : { linger_ms: linger }),
    ...(network === undefined ? {} : { network }),
    ...(connectionLinger === undefined ? {} : { connection_linger_ms: connectionLinger }),
    detach: flags.detach ?? false,
  };
}

export async function migrate(
  connection: Connection,
  request: MigrateRequest,
  flags: MigrateFlags,
  console: Console,
): Promise<ExitCode> {
  const { output, dryRun, detach, probe } = flags;
  if (request.strategy === 'post_copy') printLines(console, [postCopyNotice]);
  if (dryRun) return await examine(connection, request, output, console);
  const probing = probe === undefined ? undefined : await Probing.begin(parseTarget(probe), console);
  const ends = new AbortController();
  const events = connection.follow('Migrate', request, ends.signal);
  if (!detach) {
    try {
      return await followToEnd(events, connection, flags, console, true, probing);
    } finally {
      probing?.abandon();
    }
  }
  for await (const { migration } of events) {
    if (migration === null) continue;
    console.out.write(isForPrograms(output) ? showOne(migration, output) : `${migration.id}\n`);
    break;
  }
  ends.abort();
  return exitCode.succeeded;
}

async function examine(
  connection: Connection,
  request: MigrateRequest,
  output: Format,
  console: Console,
): Promise<ExitCode> {
  const { plan, findings } = await connection.call('Preflight', request);
  const source = plan?.source_node ?? '';
  const target = plan?.target_node || (request.target_node ?? '');
  if (output === 'json' || output === 'yaml') {
    const { namespace = '', name = '' } = request.pod ?? {};
    const why = findings.map(({ reason, message }) => ({ reason, message }));
    console.out.write(
      print(
        { namespace, pod: name, source, target, ...networkOf(plan), possible: findings.length === 0, findings: why },
        output,
      ),
    );
  } else if (findings.length === 0) {
    const { network, networkReason } = networkOf(plan);
    const connections = network === undefined ? '' : `, connections: ${networkReason ?? network}`;
    const way = `${dashed(plan?.strategy ?? '')} over ${plan?.transport ?? ''}${connections}`;
    console.out.write(
      `${request.pod?.namespace ?? ''}/${request.pod?.name ?? ''} can move: ${source} → ${target}, ${way}. Nothing was touched\n`,
    );
  }
  for (const { reason, message } of findings) printLines(console, reasonLines(reason, message));
  return findings.length === 0 ? exitCode.succeeded : exitCode.refused;
}
