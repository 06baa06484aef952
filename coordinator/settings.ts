/** Every flag of the coordinator, each also by its environment variable; all mistakes are reported at once. */
import { Command, Option } from 'commander';
import { Fault } from '../proto/fault.ts';
import { parseDuration } from './duration.ts';
import type { AuthoritySettings } from './identity/open.ts';
import { checkSpans } from './identity/own.ts';
import { checkName } from './names.ts';

export interface Address {
  host: string;
  port: number;
}

export interface Settings {
  listen: Address;
  metricsListen: Address;
  /** Undefined: plaintext, or an authority. */
  tlsDir: string | undefined;
  /** Who signs for agents and for itself. Undefined: others bring the certificates. */
  authority: AuthoritySettings | undefined;
  /** Undefined: they are found as pods, see agentSelector. */
  agents: ReadonlyMap<string, string> | undefined;
  /** Of the labels of the agents' pods. Undefined: they are given, see agents. */
  agentSelector: string | undefined;
  /** Where an agent listens that is found as a pod. */
  agentPort: number;
  /** A file, or `in-cluster`. Undefined: no Kubernetes, the agents make pods themselves. */
  kubeconfig: string | undefined;
  /** Whom tokens have to be for. Undefined: the API server. */
  tokenAudience: string | undefined;
  leaderElect: boolean;
  /** Where this coordinator is, with the objects of its own. */
  namespace: string;
  /** The one that this process runs in. Undefined: it does not matter, no Service looks for the leader. */
  pod: string | undefined;
  /** Of pods: the network gives a pod the addresses that it lists, on any node. Undefined: it does not. */
  addressAnnotation: string | undefined;
  maxPerNode: number;
  maxTotal: number;
  rollBackTimeoutMs: number;
  forwardTimeoutMs: number;
  heldTimeoutMs: number;
  logLevel: string;
}

interface Flag<T> {
  /** As commander writes it. */
  flags: string;
  env: string;
  help: string;
  fallback?: string;
  parse: (text: string) => T;
}

const flags = {
  listen: {
    flags: '--listen <host:port>',
    env: 'PODFERRY_LISTEN',
    help: 'where clients reach it',
    fallback: '0.0.0.0:7443',
    parse: parseAddress,
  },
  metricsListen: {
    flags: '--metrics-listen <host:port>',
    env: 'PODFERRY_METRICS_LISTEN',
    help: '/metrics, /healthz and /readyz',
    fallback: '0.0.0.0:7444',
    parse: parseAddress,
  },
  tlsDir: {
    flags: '--tls-dir <directory>',
    env: 'PODFERRY_TLS_DIR',
    help: 'ca.crt, tls.crt and tls.key of coordinator.podferry',
    parse: String,
  },
  insecurePlaintext: {
    flags: '--insecure-plaintext',
    env: 'PODFERRY_INSECURE_PLAINTEXT',
    help: 'no TLS: anybody can move any pod',
    parse: parseSwitch,
  },
  agents: {
    flags: '--agents <node=host:port,…>',
    env: 'PODFERRY_AGENTS',
    help: 'every node and where its agent listens',
    parse: parseAgents,
  },
  agentSelector: {
    flags: '--agent-selector <selector>',
    env: 'PODFERRY_AGENT_SELECTOR',
    help: 'instead of --agents: the labels of their pods in --namespace, which are found and followed',
    parse: parseSelector,
  },
  agentPort: {
    flags: '--agent-port <port>',
    env: 'PODFERRY_AGENT_PORT',
    help: 'where each of those listens, at the address of its pod',
    fallback: '7440',
    parse: parsePort,
  },
  kubeconfig: {
    flags: '--kubeconfig <file>',
    env: 'PODFERRY_KUBECONFIG',
    help: 'of the Kubernetes whose pods are moved; in-cluster: the own ServiceAccount; without it there is none',
    parse: String,
  },
  tokenAudience: {
    flags: '--token-audience <name>',
    env: 'PODFERRY_TOKEN_AUDIENCE',
    help: 'whom the tokens of people have to be for; without it the API server',
    parse: String,
  },
  leaderElect: {
    flags: '--leader-elect',
    env: 'PODFERRY_LEADER_ELECT',
    help: 'one of several coordinators of a Kubernetes: works only as long as it holds the lease',
    parse: parseSwitch,
  },
  namespace: {
    flags: '--namespace <namespace>',
    env: 'PODFERRY_NAMESPACE',
    help: 'where this coordinator and its agents are: its lease, its authority',
    fallback: 'podferry-system',
    parse: (text: string) => checkName('namespace', text),
  },
  pod: {
    flags: '--pod <name>',
    env: 'PODFERRY_POD',
    help: 'the own pod there: it is labelled podferry.dev/leads=true while it leads',
    parse: (text: string) => checkName('pod', text),
  },
  authority: {
    flags: '--authority <kind>',
    env: 'PODFERRY_AUTHORITY',
    help: 'who signs certificates: own, an authority that it makes and replaces; given, one that others keep in the Secret',
    parse: parseAuthority,
  },
  authoritySecret: {
    flags: '--authority-secret <name>',
    env: 'PODFERRY_AUTHORITY_SECRET',
    help: 'the Secret with the authority',
    fallback: 'podferry-authority',
    parse: parseObjectName,
  },
  trustConfigMap: {
    flags: '--trust-config-map <name>',
    env: 'PODFERRY_TRUST_CONFIG_MAP',
    help: 'the ConfigMap that says whom to trust',
    fallback: 'podferry-trust',
    parse: parseObjectName,
  },
  agentServiceAccount: {
    flags: '--agent-service-account <name>',
    env: 'PODFERRY_AGENT_SERVICE_ACCOUNT',
    help: "whose pods get agents' certificates",
    fallback: 'podferry-agent',
    parse: parseObjectName,
  },
  authorityLifetime: {
    flags: '--authority-lifetime <span>',
    env: 'PODFERRY_AUTHORITY_LIFETIME',
    help: 'of an own authority; the next one is made when two thirds of it are over',
    fallback: '8760h',
    parse: parseDuration,
  },
  certificateLifetime: {
    flags: '--certificate-lifetime <span>',
    env: 'PODFERRY_CERTIFICATE_LIFETIME',
    help: 'of a certificate that is signed for an agent or for itself',
    fallback: '24h',
    parse: parseDuration,
  },
  trustDelay: {
    flags: '--trust-delay <span>',
    env: 'PODFERRY_TRUST_DELAY',
    help: 'how long an authority is announced before it signs; kubelets need minutes to bring the news',
    fallback: '10m',
    parse: parseDuration,
  },
  addressAnnotation: {
    flags: '--address-annotation <name>',
    env: 'PODFERRY_ADDRESS_ANNOTATION',
    help: 'by which the network gives a pod the addresses that it lists, on any node: then pods keep theirs',
    parse: parseAnnotation,
  },
  maxPerNode: {
    flags: '--max-per-node <n>',
    env: 'PODFERRY_MAX_PER_NODE',
    help: 'migrations that a node takes part in at a time',
    fallback: '2',
    parse: parseCount,
  },
  maxTotal: {
    flags: '--max-total <n>',
    env: 'PODFERRY_MAX_TOTAL',
    help: 'migrations at a time',
    fallback: '4',
    parse: parseCount,
  },
  rollBackTimeout: {
    flags: '--rollback-timeout <span>',
    env: 'PODFERRY_ROLLBACK_TIMEOUT',
    help: 'how long an absent agent is waited for to roll back',
    fallback: '60s',
    parse: parseDuration,
  },
  forwardTimeout: {
    flags: '--forward-timeout <span>',
    env: 'PODFERRY_FORWARD_TIMEOUT',
    help: 'the same after the commit, to go on',
    fallback: '120s',
    parse: parseDuration,
  },
  heldTimeout: {
    flags: '--held-timeout <span>',
    env: 'PODFERRY_HELD_TIMEOUT',
    help: "how long a StatefulSet's pod is kept alive without its object, while moving it fails",
    fallback: '30m',
    parse: parseDuration,
  },
  logLevel: {
    flags: '--log-level <level>',
    env: 'PODFERRY_LOG_LEVEL',
    help: 'trace, debug, info, warn, error or silent',
    fallback: 'info',
    parse: parseLevel,
  },
} as const satisfies Record<string, Flag<unknown>>;

/**
 * @param argv without node and script
 * @throws Fault InvalidArgument with every mistake
 */
export function readSettings(argv: readonly string[]): Settings {
  const program = new Command('coordinator').description('Pairs agents and carries migrations to their end.');
  for (const [name, { flags: written, help, env, fallback }] of Object.entries<Flag<unknown>>(flags)) {
    const option = new Option(written, `${help} (${env}${fallback === undefined ? '' : `, ${fallback}`})`);
    option.attributeName = () => name;
    program.addOption(option);
  }
  program.parse([...argv], { from: 'user' });
  const given = program.opts<Partial<Record<keyof typeof flags, string | true>>>();
  const textOf = (name: keyof typeof flags): string | undefined => {
    const { env, fallback }: Flag<unknown> = flags[name];
    // Not by commander: to it any value of a switch's variable is a yes, "false" as well.
    return given[name] === undefined ? process.env[env] || fallback : String(given[name]);
  };
  const mistakes: string[] = [];
  const read = <Name extends keyof typeof flags>(name: Name): ReturnType<(typeof flags)[Name]['parse']> | undefined => {
    const text = textOf(name);
    if (text === undefined) return undefined;
    const { flags: written, parse } = flags[name];
    try {
      return parse(text) as ReturnType<(typeof flags)[Name]['parse']>;
    } catch (error) {
      mistakes.push(`${written.split(' ')[0]}: ${(error as Error).message}`);
      return undefined;
    }
  };
  const settings = {
    listen: read('listen'),
    metricsListen: read('metricsListen'),
    tlsDir: read('tlsDir'),
    agents: read('agents'),
    agentSelector: read('agentSelector'),
    agentPort: read('agentPort'),
    kubeconfig: read('kubeconfig'),
    tokenAudience: read('tokenAudience'),
    leaderElect: read('leaderElect') ?? false,
    namespace: read('namespace'),
    pod: read('pod'),
    addressAnnotation: read('addressAnnotation'),
    maxPerNode: read('maxPerNode'),
    maxTotal: read('maxTotal'),
    rollBackTimeoutMs: read('rollBackTimeout'),
    forwardTimeoutMs: read('forwardTimeout'),
    heldTimeoutMs: read('heldTimeout'),
    logLevel: read('logLevel'),
  };
  const kind = read('authority');
  const spans = {
    authorityMs: read('authorityLifetime') ?? 0,
    certificateMs: read('certificateLifetime') ?? 0,
    delayMs: read('trustDelay') ?? 0,
  };
  const of = {
    secret: read('authoritySecret') ?? '',
    trustConfigMap: read('trustConfigMap') ?? '',
    agentServiceAccount: read('agentServiceAccount') ?? '',
  };
  const authority = kind && { kind, namespace: settings.namespace ?? '', ...of, spans };
  const plaintext = read('insecurePlaintext') ?? false;
  const [agents, agentSelector] = [textOf('agents'), textOf('agentSelector')];
  if (agents === undefined && agentSelector === undefined)
    mistakes.push(
      '--agents: every node and its agent, like node-a=10.0.0.1:7440,node-b=10.0.0.2:7440 (or --agent-selector on Kubernetes)',
    );
  if (agents !== undefined && agentSelector !== undefined)
    mistakes.push('--agents and --agent-selector exclude each other');
  if (agentSelector !== undefined && settings.kubeconfig === undefined)
    mistakes.push('--agent-selector: needs --kubeconfig, pods are objects of a Kubernetes');
  if (settings.pod !== undefined && settings.kubeconfig === undefined)
    mistakes.push('--pod: needs --kubeconfig, a pod is an object of a Kubernetes');
  if (settings.tlsDir === undefined && !plaintext && textOf('authority') === undefined)
    mistakes.push(
      '--tls-dir: a directory with ca.crt, tls.crt and tls.key (or --authority on Kubernetes, or --insecure-plaintext)',
    );
  if (settings.tlsDir !== undefined && plaintext)
    mistakes.push('--tls-dir and --insecure-plaintext exclude each other');
  if (authority !== undefined) mistakes.push(...mistakesOf(authority, settings, plaintext));
  if (settings.tokenAudience !== undefined && settings.kubeconfig === undefined)
    mistakes.push('--token-audience: needs --kubeconfig, tokens are those of a Kubernetes');
  if (settings.leaderElect && settings.kubeconfig === undefined)
    mistakes.push('--leader-elect: needs --kubeconfig, a lease is an object of a Kubernetes');
  if (mistakes.length > 0) throw new Fault('InvalidArgument', mistakes.join('\n'));
  // Whatever has no value by now has been counted as a mistake.
  return { ...settings, authority } as Settings;
}

function mistakesOf(
  { kind, spans }: AuthoritySettings,
  { tlsDir, kubeconfig }: { tlsDir: string | undefined; kubeconfig: string | undefined },
  plaintext: boolean,
): string[] {
  const mistakes: string[] = [];
  if (kubeconfig === undefined) mistakes.push('--authority: needs --kubeconfig, it is a Secret of a Kubernetes');
  if (tlsDir !== undefined) mistakes.push('--authority and --tls-dir exclude each other');
  if (plaintext) mistakes.push('--authority and --insecure-plaintext exclude each other');
  if (spans.certificateMs < 1_000) mistakes.push('--certificate-lifetime: has to be at least 1s');
  try {
    if (kind === 'own') checkSpans(spans);
  } catch (error) {
    mistakes.push((error as Error).message);
  }
  return mistakes;
}

function parseAuthority(text: string): AuthoritySettings['kind'] {
  if (text === 'own' || text === 'given') return text;
  throw new Fault('InvalidArgument', `${JSON.stringify(text)} is neither own nor given`);
}

/** Of a Secret, a ConfigMap or a ServiceAccount. */
function parseObjectName(text: string): string {
  if (/^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(text)) return text;
  throw new Fault('InvalidArgument', `${JSON.stringify(text)} is not the name of an object`);
}

function parseAnnotation(text: string): string {
  if (/^(?=.{1,317}$)([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(text))
    return text;
  throw new Fault('InvalidArgument', `${JSON.stringify(text)} is not the name of an annotation`);
}

export function parseAddress(text: string): Address {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new Fault('InvalidArgument', `${JSON.stringify(text)} is not host:port`);
  return { host, port: Number(port) };
}

function parseAgents(text: string): ReadonlyMap<string, string> {
  const agents = new Map<string, string>();
  for (const entry of text.split(',')) {
    const [node = '', address = ''] = entry.split(/=(.*)/s);
    checkName('node', node.trim());
    parseAddress(address.trim());
    if (agents.has(node.trim())) throw new Fault('InvalidArgument', `${node.trim()} stands there twice`);
    agents.set(node.trim(), address.trim());
  }
  return agents;
}

function parseSelector(text: string): string {
  if (text.trim() === '') throw new Fault('InvalidArgument', 'an empty selector would take every pod for an agent');
  return text.trim();
}

function parsePort(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65_535)
    throw new Fault('InvalidArgument', `${JSON.stringify(text)} is not a port from 1 to 65535`);
  return Number(text);
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text))
    throw new Fault('InvalidArgument', `${JSON.stringify(text)} is not a number from 1 to 99999`);
  return Number(text);
}

export function parseSwitch(text: string): boolean {
  if (!/^(true|false|1|0|)$/.test(text))
    throw new Fault('InvalidArgument', `${JSON.stringify(text)} is neither true nor false`);
  return text === 'true' || text === '1';
}

function parseLevel(text: string): string {
  if (!/^(trace|debug|info|warn|error|fatal|silent)$/.test(text))
    throw new Fault('InvalidArgument', `${JSON.stringify(text)} is no level`);
  return text;
}
