/**
 * Loads the .proto files of this directory, with the options for which proto/gen's types are generated.
 */
import { loadPackageDefinition } from '@grpc/grpc-js';
import { definitionOf } from './definition.ts';
import type { Protos } from './gen/protos.ts';

/**
 * What a message looks like in JavaScript. proto/generate.ts reads it too: types and values cannot drift apart.
 *
 * 64-bit numbers are decimal strings, since containerd sends nanoseconds and byte counts beyond 2^53. Enums are their
 * names. What a peer left out has its default (null for a message), and `oneof` names the member that is set.
 */
export const messageShape = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true } as const;

export { protoDirectory } from './definition.ts';

const loaded = new Map<string, unknown>();

/**
 * Client constructors and service definitions of one file, under its package: `load('cri/api.proto').runtime.v1`.
 *
 * @param file path below proto/; throws the parser's error when the file is not a valid .proto.
 */
export function load<File extends keyof Protos>(file: File): Protos[File] {
  if (!loaded.has(file)) {
    loaded.set(file, loadPackageDefinition(definitionOf(file, messageShape)));
  }
  return loaded.get(file) as Protos[File];
}
