/** The way to an API server, and its errors as ours. */
import {
  ApiException,
  AppsV1Api,
  type ConfigurationOptions,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  DiscoveryV1Api,
  KubeConfig,
  Observable,
  type ObservableMiddleware,
  PatchStrategy,
} from '@kubernetes/client-node';
import { Fault, type Reason } from '../../../proto/fault.ts';

export interface Kubernetes {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly discovery: DiscoveryV1Api;
  readonly coordination: CoordinationV1Api;
  readonly custom: CustomObjectsApi;
}

/** @param source a kubeconfig file, or `in-cluster` for the ServiceAccount of the pod that this process runs in */
export function connectKubernetes(source: string): Kubernetes {
  const config = new KubeConfig();
  try {
    if (source === 'in-cluster') config.loadFromCluster();
    else config.loadFromFile(source);
  } catch (error) {
    throw Fault.from(error, 'InvalidArgument', `cannot use kubeconfig ${source}`);
  }
  return {
    config,
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    discovery: config.makeApiClient(DiscoveryV1Api),
    coordination: config.makeApiClient(CoordinationV1Api),
    custom: config.makeApiClient(CustomObjectsApi),
  };
}

export const callMs = 10_000;

/** @param signal ends the call, which otherwise ends by itself when nobody answers */
export function bounded(signal: AbortSignal, ms = callMs, headers: Record<string, string> = {}): ConfigurationOptions {
  const limit: ObservableMiddleware = {
    pre(request) {
      request.setSignal(AbortSignal.any([signal, AbortSignal.timeout(ms)]));
      for (const [name, value] of Object.entries(headers)) request.setHeaderParam(name, value);
      return new Observable(Promise.resolve(request));
    },
    post: (response) => new Observable(Promise.resolve(response)),
  };
  return { middleware: [limit], middlewareMergeStrategy: 'append' };
}

/** A change of some fields; null takes one away. */
export function mergePatch(signal: AbortSignal): ConfigurationOptions {
  return bounded(signal, callMs, { 'Content-Type': PatchStrategy.MergePatch });
}

/** The HTTP status of an answer of the API server; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof ApiException ? error.code : undefined;
}

/** Undefined for what is not there. */
export async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** What the API server, or the way there, says against something, with its own words. */
export function apiFault(error: unknown, what: string, reason: Reason = 'Internal'): Fault {
  if (error instanceof Fault) return error;
  if (!(error instanceof ApiException))
    return Fault.from(error, 'AgentUnreachable', `${what}: the API server does not answer`);
  const { code, body } = error as ApiException<unknown>;
  const why = messageOf(body) ?? error.message;
  return new Fault(code === 403 ? 'PermissionDenied' : reason, `${what}: the API server says ${code}: ${why}`, {
    cause: error,
  });
}

/** Of the API server, with what was asked of it. */
export async function told<T>(asked: Promise<T>, what: string): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw apiFault(error, what);
  }
}

function messageOf(body: unknown): string | undefined {
  try {
    const status = typeof body === 'string' ? (JSON.parse(body) as unknown) : body;
    return (status as { message?: string }).message;
  } catch {
    return undefined;
  }
}
