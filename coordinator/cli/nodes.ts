/** kubectl migrate nodes: who can take part, and why others cannot. */
import type { Node__Output as Node } from '../../proto/gen/podferry/v1/Node.ts';
import type { Connection } from './way/connection.ts';
import type { Console } from './console.ts';
import { type ExitCode, exitCode } from './exit.ts';
import { type Format, print } from './show.ts';
import { formatBytes, table } from './table.ts';

export async function nodes(connection: Connection, output: Format, console: Console): Promise<ExitCode> {
  const { nodes: all } = await connection.call('Nodes', {});
  if (output === 'json' || output === 'yaml') {
    console.out.write(print(all.map(toObject), output));
    return exitCode.succeeded;
  }
  console.out.write(`${nodeTable(all, output === 'wide')}\n`);
  for (const { name, problem, facts } of all) {
    if (problem !== null) console.out.write(`${name}: ${problem.reason}: ${problem.message}\n`);
    for (const { reason, message } of facts?.problems ?? []) console.out.write(`${name}: ${reason}: ${message}\n`);
  }
  return exitCode.succeeded;
}

function nodeTable(all: readonly Node[], wide: boolean): string {
  const more = wide ? ['CGROUP', 'STAGING', 'TRANSPORTS', 'DATA', 'CRIU FEATURES', 'NETWORK'] : [];
  const rows = all.map(({ name, ready, address, facts }) => [
    name,
    ready ? 'yes' : 'no',
    address,
    ...[facts?.kernel, facts?.containerd, facts?.runc, facts?.criu].map((version) => version || '-'),
    String(facts?.migrations ?? '-'),
    ...(wide
      ? [
          facts === null ? '-' : `v${facts.cgroup_version}`,
          facts === null ? '-' : formatBytes(Number(facts.staging_bytes_free)),
          facts?.transports.join(',') ?? '-',
          facts?.data_address ?? '-',
          facts?.criu_features.join(',') || '-',
          facts?.network_features.join(',') || '-',
        ]
      : []),
  ]);
  return table([['NODE', 'READY', 'AGENT', 'KERNEL', 'CONTAINERD', 'RUNC', 'CRIU', 'MIGRATIONS', ...more], ...rows]);
}

function toObject({ name, ready, address, facts, problem }: Node) {
  return {
    name,
    ready,
    address,
    ...(problem === null ? {} : { reason: problem.reason, message: problem.message }),
    ...(facts === null
      ? {}
      : {
          agentVersion: facts.agent_version,
          kernel: facts.kernel,
          containerd: facts.containerd,
          runc: facts.runc,
          criu: facts.criu,
          criuFeatures: facts.criu_features,
          networkFeatures: facts.network_features,
          cgroupVersion: facts.cgroup_version,
          stagingBytesFree: Number(facts.staging_bytes_free),
          dataAddress: facts.data_address,
          transports: facts.transports,
          wrapperInstalled: facts.wrapper_installed,
          migrations: facts.migrations,
          problems: facts.problems.map(({ reason, message }) => ({ reason, message })),
        }),
  };
}
