/** A program of ours and all that it needs in one script: for node, which does not run .ts below node_modules, and for executables. */
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import protobuf from 'protobufjs';
import { protoDirectory } from '../proto/load.ts';

export const root = join(import.meta.dirname, '..');

export const programs = ['kubectl-migrate', 'kubectl-checkpoint', 'kubectl-probe'] as const;
export type Program = (typeof programs)[number];

/** What the programs ask, and all that it imports. */
const services = ['coordinator.proto'];

/**
 * `script`: all of it, with packages, for a single executable, which takes CommonJS.
 * `module`: our own code; npm installs the packages beside it.
 */
export type Form = 'script' | 'module';

export async function bundle(program: Program, form: Form, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, 'coordinator/cli', `${program}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: form === 'script' ? 'cjs' : 'esm',
    packages: form === 'script' ? 'bundle' : 'external',
    // Names in stack traces; whitespace is most of what there is to save.
    minifyWhitespace: form === 'script',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [embedded],
  });
}

/** The .proto files become values: there is no directory for them to lie in. */
const embedded: Plugin = {
  name: 'proto',
  setup(build) {
    build.onLoad({ filter: /\/proto\/definition\.ts$/ }, () => ({
      loader: 'js',
      resolveDir: protoDirectory,
      contents: `import { fromJSON } from '@grpc/proto-loader';
const definitions = ${JSON.stringify(Object.fromEntries(services.map((file) => [file, descriptorOf(file)])))};
export const protoDirectory = '';
export function definitionOf(file, shape) {
  if (definitions[file] === undefined) throw new Error(file + ' is not in this bundle');
  return fromJSON(definitions[file], shape);
}`,
    }));
  },
};

function descriptorOf(file: string): protobuf.INamespace {
  const found = new protobuf.Root();
  found.resolvePath = (_origin, target) => join(protoDirectory, target);
  return found.loadSync(file, { keepCase: true }).resolveAll().toJSON();
}
