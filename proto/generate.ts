/**
 * Generates proto/gen: the types of every .proto file below proto/, and for CRIU's also what reads and writes them.
 *
 *   node proto/generate.ts            writes proto/gen
 *   node proto/generate.ts --check    compares only; exit code 1 and a list of files when proto/gen is out of date
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, globSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { messageShape, protoDirectory } from './load.ts';

const target = join(protoDirectory, 'gen');
/** Formats of files, not of calls: they have fields that we do not know and have to keep, which grpc's loader drops. */
const filesOnly = 'criu';

/** @returns the .proto files of what is called, as paths below proto/; throws when two of them would be generated into one file. */
function protoFiles(): string[] {
  const files = globSync('**/*.proto', { cwd: protoDirectory, exclude: [filesOnly] }).sort();
  const owners = new Map<string, string>();
  for (const file of files) {
    const name = basename(file);
    const owner = owners.get(name);
    // the generator drops directories, so cri/api.proto and other/api.proto would both become gen/api.ts
    if (owner !== undefined) throw new Error(`proto/${owner} and proto/${file} need different names: rename one`);
    owners.set(name, file);
  }
  return files;
}

function generateInto(directory: string): void {
  const files = protoFiles();
  const flags = Object.entries(messageShape).map(([name, value]) => `--${name}=${value === true ? value : value.name}`);
  const generator = createRequire(import.meta.url).resolve('@grpc/proto-loader/build/bin/proto-loader-gen-types.js');
  const { status, stderr, error } = spawnSync(
    process.execPath,
    [
      generator,
      ...flags,
      '--grpcLib=@grpc/grpc-js',
      '--importFileExtension=.ts',
      // relative, or the path of this very clone would stand in every generated file
      '--includeDirs=.',
      `--outDir=${directory}`,
      ...files,
    ],
    { cwd: protoDirectory, encoding: 'utf8' },
  );
  if (error !== undefined) throw error;
  // an import that it does not find is only a warning to the generator, and types are missing then
  if (status !== 0 || stderr !== '') throw new Error(`proto-loader-gen-types failed (exit code ${status}): ${stderr}`);
  for (const file of globSync('*.ts', { cwd: directory })) removeUnused(join(directory, file));
  writeFileSync(join(directory, 'protos.ts'), index(files));
  generateFilesOnly(join(directory, filesOnly));
}

function generateFilesOnly(directory: string): void {
  const { resolve } = createRequire(import.meta.url);
  const template = {
    version: 'v2',
    plugins: [
      {
        local: [process.execPath, resolve('@bufbuild/protoc-gen-es/bin/protoc-gen-es')],
        out: directory,
        opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true'],
      },
    ],
  };
  const { status, stderr, error } = spawnSync(
    process.execPath,
    [resolve('@bufbuild/buf/bin/buf'), 'generate', filesOnly, '--template', JSON.stringify(template)],
    { cwd: protoDirectory, encoding: 'utf8' },
  );
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`buf could not generate ${filesOnly} (exit code ${status}): ${stderr}`);
}

/** A .proto without a service gets declarations that only services use, which noUnusedLocals refuses. */
function removeUnused(path: string): void {
  const text = readFileSync(path, 'utf8');
  if (text.includes('SubtypeConstructor<typeof grpc')) return;
  const used = text.replace(/^import type \* as grpc .*\n/m, '').replace(/^type SubtypeConstructor[^]*?^\};\n\n/m, '');
  writeFileSync(path, used);
}

/** The table that load() is typed by, from a file's path to what is in it. */
function index(files: readonly string[]): string {
  const imports = files.map(
    (file, i) => `import type { ProtoGrpcType as P${i} } from './${basename(file, '.proto')}.ts';`,
  );
  const entries = files.map((file, i) => `  '${file}': P${i};`);
  return `${imports.join('\n')}\n\nexport interface Protos {\n${entries.join('\n')}\n}\n`;
}

function contents(directory: string): Map<string, string> {
  const files = globSync('**/*.ts', { cwd: directory }).sort();
  return new Map(files.map((file) => [file, readFileSync(join(directory, file), 'utf8')]));
}

function differences(is: ReadonlyMap<string, string>, shouldBe: ReadonlyMap<string, string>): string[] {
  return [
    ...[...shouldBe.keys()].filter((file) => !is.has(file)).map((file) => `missing: proto/gen/${file}`),
    ...[...is.keys()].filter((file) => !shouldBe.has(file)).map((file) => `left over: proto/gen/${file}`),
    ...[...shouldBe].flatMap(([file, text]) =>
      is.has(file) && is.get(file) !== text ? [`differs: proto/gen/${file}`] : [],
    ),
  ];
}

// beside proto/gen, not in /tmp: a rename is all that readers of proto/gen see
const fresh = mkdtempSync(join(protoDirectory, '.gen-'));
try {
  generateInto(fresh);
  const found = differences(contents(target), contents(fresh));
  if (process.argv.includes('--check')) {
    if (found.length > 0) {
      console.error(
        `${found.join('\n')}\nproto/gen does not match the .proto files: run \`npm run generate\` and commit it`,
      );
      process.exitCode = 1;
    }
  } else if (found.length > 0) {
    rmSync(target, { recursive: true, force: true });
    chmodSync(fresh, 0o755);
    renameSync(fresh, target);
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
