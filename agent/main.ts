#!/usr/bin/env node
/** The agent of a node: puts its parts together and serves until it is told to stop. */
import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { Server } from '@grpc/grpc-js';
import { Command, InvalidArgumentError, Option } from 'commander';
import { pino } from 'pino';
import { identityFrom, openIdentity } from '../proto/identity.ts';
import { load } from '../proto/load.ts';
import { Agent } from './agent.ts';
import { Enrolment } from './identity/enrolment.ts';
import { nodeInfo, ownCertificate, serveMetrics } from './metrics.ts';
import { NodePaths } from './paths.ts';
import { lookAround } from './preflight/situation.ts';
import { connect } from './runtime/containerd.ts';
import { leaveRcu } from './runtime/expedited-rcu.ts';
import { ofNode } from './runtime/node.ts';
import { handlers } from './server.ts';
import { openTransports } from './transfer/open.ts';

interface Flags {
  node: string;
  listen: string;
  dataListen: string;
  metricsListen: string;
  tlsDir?: string;
  authority?: string;
  tokenFile?: string;
  caFile?: string;
  insecurePlaintext?: true;
  containerd: string;
  stateDir: string;
  nfsDir?: string;
  wrapper: string;
  expeditedRcu: boolean;
  keepLogs: number;
  logLevel: string;
}

const flag = (flags: string, description: string) =>
  new Option(flags, description).env(`PODFERRY_${/--([a-z-]+)/.exec(flags)?.[1]?.replaceAll('-', '_').toUpperCase()}`);

const wholeNumber = (text: string) => {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('give a whole number, 0 for none');
};

const flags = new Command('podferry-agent')
  .description('The part of Podferry that runs on every node')
  .addOption(flag('--node <name>', 'name of this node, as in its certificate').makeOptionMandatory())
  .addOption(flag('--listen <host:port>', 'for the coordinator (gRPC)').default('0.0.0.0:7440'))
  .addOption(
    flag('--data-listen <host:port>', 'for other agents; what they are told to connect to').default('0.0.0.0:7441'),
  )
  .addOption(
    flag('--metrics-listen <host:port>', 'for Prometheus (/metrics, /healthz, /readyz)').default('0.0.0.0:7442'),
  )
  .addOption(flag('--tls-dir <directory>', 'with ca.crt, tls.crt and tls.key; read again when they change'))
  .addOption(flag('--authority <host:port>', 'the coordinator that fills --tls-dir, and renews what is in it'))
  .addOption(flag('--token-file <file>', "with --authority: the pod's ServiceAccount token, for audience podferry"))
  .addOption(flag('--ca-file <file>', 'with --authority: whom to trust, at first and when it changes'))
  .addOption(
    flag('--insecure-plaintext', 'no TLS: anybody who reaches this port is root on this node').conflicts('tlsDir'),
  )
  .addOption(flag('--containerd <socket>', 'its socket').default('/run/containerd/containerd.sock'))
  .addOption(flag('--state-dir <directory>', 'journal and staging; on a tmpfs').default('/run/podferry'))
  .addOption(flag('--nfs-dir <directory>', 'shared by all nodes, for transport nfs and checkpoints'))
  .addOption(
    flag('--wrapper <file>', 'what the runtime handler podferry calls').default(
      '/usr/local/lib/podferry/podferry-runc',
    ),
  )
  .addOption(
    flag('--no-expedited-rcu', "leave the kernel's RCU as it is while a pod is frozen, which is longer then").default(
      true,
    ),
  )
  .addOption(
    flag('--keep-logs <number>', "CRIU's logs of so many migrations that went well, below the state directory")
      .argParser(wholeNumber)
      .default(0),
  )
  .addOption(flag('--log-level <level>', 'trace, debug, info, warn or error').default('info'))
  .parse()
  .opts<Flags>();

const log = pino({ level: flags.logLevel, base: { node: flags.node } });
if (flags.tlsDir === undefined && flags.insecurePlaintext !== true) {
  log.fatal('no --tls-dir: give one, or say --insecure-plaintext where nobody else reaches the network');
  process.exit(2);
}
const { authority, tokenFile, caFile, tlsDir } = flags;
const enrols = { '--authority': authority, '--token-file': tokenFile, '--ca-file': caFile };
const missing = Object.entries({ ...enrols, '--tls-dir': tlsDir }).filter(([, value]) => value === undefined);
if (missing.length > 0 && Object.values(enrols).some((value) => value !== undefined)) {
  const names = missing.map(([name]) => name).join(' and ');
  log.fatal(
    `no ${names}: a certificate that the coordinator gives takes all of --authority, --token-file, --ca-file and --tls-dir`,
  );
  process.exit(2);
}
if (flags.insecurePlaintext === true) log.warn('without TLS anybody who reaches these ports is root on this node');

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const address = (text: string): [host: string, port: number] => {
  const at = text.lastIndexOf(':');
  return [text.slice(0, at).replaceAll(/[[\]]/g, ''), Number(text.slice(at + 1))];
};

// From here on somebody may look whether it is alive, however long it has to wait for its certificate.
const [metricsHost, metricsPort] = address(flags.metricsListen);
let waitsFor: string | undefined = 'waits for a certificate';
const closeMetrics = await serveMetrics(metricsHost, metricsPort, () => waitsFor);
const stopping = new AbortController();
const openOwn = async (
  node: string,
  from: { authority: string; tokenFile: string; caFile: string; tlsDir: string },
) => {
  const enrolment = await Enrolment.open({ node, ...from }, log, stopping.signal);
  const own = identityFrom(enrolment, log);
  void enrolment.keep(stopping.signal);
  return own;
};
const identity =
  authority && tokenFile && caFile && tlsDir
    ? await openOwn(flags.node, { authority, tokenFile, caFile, tlsDir })
    : openIdentity(tlsDir, log);
ownCertificate.expiresAt = () => identity.expiresAt;
waitsFor = 'is not listening yet';
const situation = await lookAround({ node: flags.node, wrapper: flags.wrapper, nfsDirectory: flags.nfsDir });
for (const problem of situation.problems) log.warn({ reason: problem.reason }, problem.message ?? '');
const runtime = connect(flags.containerd);
const transports = await openTransports({ address: flags.dataListen, identity, nfsDirectory: flags.nfsDir, log });
if (!flags.expeditedRcu) leaveRcu();
const paths = new NodePaths(flags.stateDir);
const agent = new Agent({
  paths,
  runtime,
  containerd: flags.containerd,
  transports,
  situation,
  keptLogs: { directory: paths.allLogs, most: flags.keepLogs },
  log,
});
await agent.takeUp();

const server = new Server();
const facts = async () => {
  const now = await agent.lookAgain();
  const containerd = await runtime.version();
  nodeInfo.set(
    {
      node: now.node,
      agent: version,
      kernel: now.kernel,
      containerd: containerd.version,
      runc: now.runc,
      criu: now.criu,
    },
    1,
  );
  return {
    node: now.node,
    agent_version: version,
    kernel: now.kernel,
    containerd: containerd.version,
    runc: now.runc,
    criu: now.criu,
    criu_features: now.criuFeatures,
    network_features: now.networkFeatures,
    cgroup_version: now.cgroupVersion,
    cpu_flags: now.cpuFlags,
    staging_bytes_free: String(now.stagingBytesFree),
    data_address: flags.dataListen,
    transports: now.nfsUsable ? (['stream', 'nfs'] as const).slice() : (['stream'] as const).slice(),
    wrapper_installed: existsSync(ofNode(now.wrapper)),
    problems: now.problems,
    migrations: agent.journalled,
  };
};
server.addService(load('agent.proto').podferry.v1.Agent.service, {
  ...handlers({ agent, identity, log, dataAddress: flags.dataListen, facts }),
});
// A pod's address may be of either kind, and is given in brackets; grpc-js takes them round those of IPv6 alone.
const [host, port] = address(flags.listen);
const listen = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
await new Promise<number>((resolve, reject) => {
  server.bindAsync(listen, identity.serverCredentials(), (error, bound) => (error ? reject(error) : resolve(bound)));
});
waitsFor = undefined;
facts().catch((error: unknown) => log.warn({ err: error }, 'containerd does not answer yet'));
log.info({ listen: flags.listen, dataListen: flags.dataListen, version }, 'listening');

/** What is under way is left in the journal: whoever starts next takes it up. */
const stop = () => {
  log.info('agent stops');
  stopping.abort();
  closeMetrics();
  server.forceShutdown();
  runtime.close();
  identity.close();
  process.exit(0);
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
