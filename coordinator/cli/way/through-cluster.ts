/**
 * Everything that a kubeconfig is enough for. What there are objects for goes by the API server and its roles. What only
 * the coordinator knows (what speaks against a move, its nodes, copies of a checkpoint) is asked of it, through the API
 * server, when that lets us and the coordinator can know who we are.
 */
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import type { PodsRequest } from '../../../proto/gen/podferry/v1/PodsRequest.ts';
import type { PodsResponse__Output as PodsResponse } from '../../../proto/gen/podferry/v1/PodsResponse.ts';
import { trustOf } from '../../../proto/identity.ts';
import { bounded, ifThere } from '../../cluster/kubernetes/client.ts';
import { leaversOf } from '../../cluster/kubernetes/node-pods.ts';
import { CheckpointObjects } from './checkpoints.ts';
import type { Calls, Connection, Streams } from './connection.ts';
import { DirectConnection } from './direct.ts';
import { authorityIn, type Forward, forwardToLeader } from './forward.ts';
import { tokenOf } from './kubeconfig.ts';
import { MigrationObjects, type Scope } from './migrations.ts';
import { told } from './objects.ts';
import { byToken, type Proof, type ProofFlags, proofIn, proofOf, readToken } from './proof.ts';

export interface ClusterFlags extends ProofFlags {
  /** Where Podferry itself is. */
  podferryNamespace: string;
}

type Answers = { [Name in keyof Calls]: (request: Calls[Name][0]) => Promise<Calls[Name][1]> };
type Courses = {
  [Name in keyof Streams]: (request: Streams[Name][0], signal: AbortSignal) => AsyncGenerator<Streams[Name][1]>;
};

export class ClusterConnection implements Connection {
  readonly #config: KubeConfig;
  readonly #flags: ClusterFlags;
  readonly #warn: (line: string) => void;
  readonly #migrations: MigrationObjects;
  readonly #checkpoints: CheckpointObjects;
  #coordinator: Promise<{ connection: DirectConnection; forward: Forward }> | undefined;

  /** @param patienceMs how long a coordinator may take until it takes up what was asked for */
  constructor(
    config: KubeConfig,
    flags: ClusterFlags,
    scope: Scope,
    warn: (line: string) => void,
    patienceMs?: number,
  ) {
    this.#config = config;
    this.#flags = flags;
    this.#warn = warn;
    this.#migrations = new MigrationObjects(config, scope, patienceMs);
    this.#checkpoints = new CheckpointObjects(config, patienceMs);
  }

  readonly #answers: Answers = {
    Get: async ({ id = '' }) => await this.#migrations.get(id),
    List: async ({ running_only = false }) => ({ migrations: await this.#migrations.list(running_only) }),
    Cancel: async ({ id = '' }) => await this.#migrations.cancel(id),
    Pods: async (request) => await this.#podsOn(request),
    ListCheckpoints: async ({ namespace = '' }) => ({ checkpoints: await this.#checkpoints.list(namespace) }),
    DeleteCheckpoint: async (name) => {
      await this.#checkpoints.delete(name);
      return {};
    },
    Nodes: async (request) => await (await this.#ask()).call('Nodes', request),
    Preflight: async (request) => await (await this.#ask()).call('Preflight', request),
  };

  readonly #courses: Courses = {
    Migrate: (request, signal) => this.#migrations.migrate(request, signal),
    Watch: ({ id = '' }, signal) => this.#migrations.watch(id, signal),
    Checkpoint: (request, signal) => this.#checkpoints.checkpoint(request, signal),
    StartCopies: (request, signal) => this.#startCopies(request, signal),
  };

  async call<Name extends keyof Calls>(name: Name, request: Calls[Name][0]): Promise<Calls[Name][1]> {
    const answer: Answers[Name] = this.#answers[name];
    return await answer(request);
  }

  follow<Name extends keyof Streams>(
    name: Name,
    request: Streams[Name][0],
    signal: AbortSignal,
  ): AsyncGenerator<Streams[Name][1]> {
    const course: Courses[Name] = this.#courses[name];
    return course(request, signal);
  }

  async whyNoPreflight(): Promise<string | undefined> {
    try {
      await this.#ask();
      return undefined;
    } catch (error) {
      return Fault.from(error, 'Internal').message;
    }
  }

  async close(): Promise<void> {
    const coordinator = this.#coordinator?.then(async ({ connection, forward }) => {
      await connection.close();
      forward.close();
    });
    await Promise.allSettled([this.#migrations.close(), coordinator]);
  }

  async *#startCopies(request: Streams['StartCopies'][0], signal: AbortSignal) {
    yield* (await this.#ask()).follow('StartCopies', request, signal);
  }

  /** Found once. Where it failed, it is tried again. */
  async #ask(): Promise<DirectConnection> {
    this.#coordinator ??= this.#reach();
    try {
      return (await this.#coordinator).connection;
    } catch (error) {
      this.#coordinator = undefined;
      throw error;
    }
  }

  async #reach(): Promise<{ connection: DirectConnection; forward: Forward }> {
    const prove = await this.#prover();
    // Where nobody leads it does not matter who signs.
    const forward = await forwardToLeader(this.#config, this.#flags.podferryNamespace);
    try {
      return { connection: new DirectConnection(forward.address, await prove(), forward.where), forward };
    } catch (error) {
      forward.close();
      throw error;
    }
  }

  /** Flags say who is asking, or the kubeconfig. @throws Fault when neither does, before anybody is asked */
  async #prover(): Promise<() => Proof | Promise<Proof>> {
    const { tlsDir, tokenFile, caFile, podferryNamespace } = this.#flags;
    if (tokenFile === undefined && tlsDir !== undefined)
      return () => proofOf({ tlsDir, insecurePlaintext: false }, this.#warn);
    const fromFile = tokenFile === undefined ? undefined : () => readToken(tokenFile);
    if (fromFile?.() === undefined && (await tokenOf(this.#config)) === undefined)
      throw new Fault('Unauthenticated', noToken);
    const token = async () => fromFile?.() ?? (await tokenOf(this.#config)) ?? '';
    if (caFile !== undefined) return () => byToken(trustOf(caFile), token);
    return async () => proofIn(await authorityIn(this.#config, podferryNamespace), token);
  }

  async #podsOn({ node = '', namespace = '' }: PodsRequest): Promise<PodsResponse> {
    const core = this.#config.makeApiClient(CoreV1Api);
    const asked = bounded(new AbortController().signal);
    const where = namespace === '' ? 'of all namespaces' : `in ${namespace}`;
    const fieldSelector = `spec.nodeName=${node}`;
    const [found, { items }] = await Promise.all([
      told(ifThere(core.readNode({ name: node }, asked)), `reading node ${node}`, this.#config).catch(unlessDenied),
      told(
        namespace === ''
          ? core.listPodForAllNamespaces({ fieldSelector }, asked)
          : core.listNamespacedPod({ namespace, fieldSelector }, asked),
        `listing the pods ${where}`,
        this.#config,
      ),
    ]);
    if (found === undefined) throw new Fault('NodeNotFound', `Kubernetes has no node ${node}`);
    return { pods: leaversOf(items), schedulable: found !== 'denied' && found.spec?.unschedulable !== true };
  }
}

const noToken =
  'only the coordinator knows this, it knows people by a token of Kubernetes, and your kubeconfig shows a certificate. ' +
  'Get a token of an account that may do this ("kubectl create token ACCOUNT > FILE") and say --token-file FILE';

/** Nodes are nobody's in a namespace: whoever may not look at them goes by what they may see. */
function unlessDenied(error: unknown): 'denied' {
  if (error instanceof Fault && error.reason === 'PermissionDenied') return 'denied';
  throw error;
}
