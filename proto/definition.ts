/**
 * The .proto files as they lie here. Where they do not, in a bundle, plugins/bundle.ts puts another module of the same
 * exports in the place of this one.
 */
import { loadSync, type Options, type PackageDefinition } from '@grpc/proto-loader';

/** Where imports of the .proto files begin. */
export const protoDirectory = import.meta.dirname;

/** @param file path below proto/; throws the parser's error when the file is not a valid .proto. */
export function definitionOf(file: string, shape: Options): PackageDefinition {
  return loadSync(file, { ...shape, includeDirs: [protoDirectory] });
}
