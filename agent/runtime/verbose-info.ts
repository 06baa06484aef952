/**
 * Reads the JSON that containerd adds to a verbose status: the only place where CRI gives a config back.
 *
 * It is Go's rendering of the messages, not protobuf's JSON: proto's own field names, enums and 64-bit values as
 * numbers, the values of environment variables as text.
 */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { protoDirectory } from '../../proto/load.ts';
import type { OciSpec } from './oci-spec.ts';
import type { ContainerConfig, PodConfig } from './runtime.ts';

/** Known by containerd as SandboxInfo. */
export interface PodInfo {
  /** 0 when the sandbox is down. */
  pid: number;
  /** Its path stays in the spec when the sandbox is down. */
  netNamespaceClosed: boolean;
  config: unknown;
  runtimeSpec?: OciSpec | null;
}

/** Known by containerd as ContainerInfo. */
export interface ContainerInfo {
  sandboxID: string;
  /** 0 unless it runs. */
  pid: number;
  snapshotKey: string;
  snapshotter: string;
  config: unknown;
  runtimeSpec: OciSpec;
}

/** Numbers that JavaScript would round become decimal strings. @throws SyntaxError */
export function parseLossless(json: string): unknown {
  return JSON.parse(json, exact);
}

function exact(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) ? context?.source : value;
}

let root: protobuf.Root | undefined;

function messageType(name: string): protobuf.Type {
  root ??= new protobuf.Root().loadSync(join(protoDirectory, 'cri/api.proto'), { keepCase: true });
  return root.lookupType(`runtime.v1.${name}`);
}

/** @throws Error that names a field or value that our cri/api.proto does not know: a copy would lack it */
export function podConfig(info: unknown): PodConfig {
  return convert(messageType('PodSandboxConfig'), info) as unknown as PodConfig;
}

/** @throws Error that names a field or value that our cri/api.proto does not know: a copy would lack it */
export function containerConfig(info: unknown): ContainerConfig {
  return convert(messageType('ContainerConfig'), info) as unknown as ContainerConfig;
}

function convert(type: protobuf.Type, info: unknown): Record<string, unknown> {
  const message = type.fromObject(checked(type, info, type.name) as Record<string, unknown>);
  // the options of proto/load.ts, but bytes as base64, which JSON can carry
  return type.toObject(message, { longs: String, enums: String, bytes: String, defaults: true });
}

/** The same value in the form that protobufjs takes, with nothing in it that protobufjs would drop silently. */
function checked(type: protobuf.Type, value: unknown, path: string): unknown {
  if (value === null || typeof value !== 'object')
    throw new Error(`${path} is ${JSON.stringify(value)}, not an object`);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const field = type.fields[key];
      if (field === undefined) throw new Error(`${path}.${key} is not known to this version of Podferry`);
      return [key, inner === null ? undefined : checkedField(field.resolve(), inner, `${path}.${key}`)];
    }),
  );
}

function checkedField(field: protobuf.Field, value: unknown, path: string): unknown {
  if (field.repeated) return (value as unknown[]).map((one, i) => checkedValue(field, one, `${path}[${i}]`));
  // the maps of the configs are all from string to string
  return field.map ? value : checkedValue(field, value, path);
}

function checkedValue(field: protobuf.Field, value: unknown, path: string): unknown {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) return checked(resolvedType, value, path);
  if (resolvedType instanceof protobuf.Enum && resolvedType.valuesById[value as number] === undefined) {
    throw new Error(`${path} has the value ${JSON.stringify(value)}, which is not known to this version of Podferry`);
  }
  return field.type === 'bytes' ? Buffer.from(value as string) : value;
}
