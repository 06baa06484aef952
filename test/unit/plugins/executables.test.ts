/** What is built runs where there is nothing else: no node, no packages, no environment, another directory. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { programs, root } from '../../../plugins/bundle.ts';

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'podferry-executables-'));
const out = join(directory, 'dist');
const build = async (...flags: string[]) =>
  await run(process.execPath, [join(root, 'plugins/build.ts'), '--out', out, ...flags]);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

beforeAll(async () => {
  await build('--url', 'https://example.org/v1', '--homepage', 'https://example.org');
}, 180_000);
afterAll(() => rmSync(directory, { recursive: true }));

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

async function start(file: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  try {
    return { code: 0, ...(await run(file, words, { cwd: '/', env })) };
  } catch (error) {
    return error as Ran;
  }
}

describe('an executable', () => {
  it.each(programs)('%s prints its help and its version', async (program) => {
    const file = join(out, program);
    const help = await start(file, ['--help']);
    expect([help.code, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toMatch(new RegExp(`^Usage: ${program.replace('-', ' ')} `));
    expect(await start(file, ['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it('has all that its calls need', async () => {
    const flags = ['--coordinator', '127.0.0.1:1', '--insecure-plaintext'];
    const { code, stderr } = await start(join(out, 'kubectl-migrate'), ['nodes', ...flags]);
    expect([code, stderr]).toEqual([4, expect.stringContaining('the coordinator at 127.0.0.1:1 does not answer')]);
    const probed = await start(join(out, 'kubectl-probe'), ['tcp://127.0.0.1:1', '--for', '50ms']);
    expect([probed.code, probed.stdout]).toEqual([1, expect.stringContaining('0 succeeded')]);
  });

  it('is found by what completes it', async () => {
    const { code, stdout } = await start(join(out, 'kubectl_complete-migrate'), ['get', '--out'], { PATH: out });
    expect([code, stdout]).toEqual([0, '--output\thow to print\n:4\n']);
    const commands = await start(join(out, 'kubectl_complete-checkpoint'), ['del'], { PATH: out });
    expect(commands.stdout).toBe('delete\tdelete a checkpoint and its files\n:4\n');
  });
});

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: {
    version: string;
    homepage: string;
    shortDescription: string;
    description: string;
    platforms: { selector: { matchLabels: object }; uri: string; sha256: string; bin: string; files?: unknown }[];
  };
}

/** What krew itself asks of a manifest, and what its index asks beyond that. */
it.each(programs)("krew's manifest of %s is one, and its digest that of the archive", async (program) => {
  const name = program.replace('kubectl-', '');
  const { apiVersion, kind, metadata, spec } = parse(
    readFileSync(join(out, '.krew', `${name}.yaml`), 'utf8'),
  ) as Manifest;
  expect([apiVersion, kind, metadata.name]).toEqual(['krew.googlecontainertools.github.com/v1alpha2', 'Plugin', name]);
  expect(metadata.name).toMatch(/^[\w-]+$/);
  expect(spec.version).toMatch(/^v\d+\.\d+\.\d+$/);
  expect(spec.homepage).toBe('https://example.org');
  expect(spec.shortDescription).toMatch(/^[^\n]{1,50}$/);
  expect(spec.description).not.toBe('');
  const [platform, ...others] = spec.platforms;
  expect(others).toEqual([]);
  expect(platform).toMatchObject({ selector: { matchLabels: { os: 'linux', arch: 'amd64' } }, bin: program });
  const file = `${program}_${version}_linux_amd64.tar.gz`;
  expect(platform?.uri).toBe(`https://example.org/v1/${file}`);
  const archive = join(out, 'archives', file);
  expect(platform?.sha256).toBe(createHash('sha256').update(readFileSync(archive)).digest('hex'));
  const { stdout } = await run('tar', ['-tzf', archive]);
  expect(stdout.trim().split('\n')).toEqual([
    program,
    ...(program === 'kubectl-probe' ? [] : [`kubectl_complete-${name}`]),
  ]);
});

it('npm packs what runs below node_modules, where node takes no .ts', async () => {
  await build('--modules');
  const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
    files: string[];
    dependencies: Record<string, string>;
  };
  expect(about.files).toEqual(['dist/npm']);
  expect(
    readdirSync(join(out, 'npm'))
      .map((file) => `dist/npm/${file}`)
      .sort(),
  ).toEqual(Object.values(about.bin).sort());
  const modules = join(directory, 'elsewhere/node_modules');
  const installed = join(modules, 'podferry');
  mkdirSync(join(installed, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
  cpSync(join(out, 'npm'), join(installed, 'dist/npm'), { recursive: true });
  for (const name of Object.keys(about.dependencies)) {
    mkdirSync(join(modules, name, '..'), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  for (const program of programs) {
    const file = join(installed, about.bin[program] ?? '');
    const { code, stdout, stderr } = await start(process.execPath, [file, '--version']);
    expect([code, stdout], stderr).toEqual([0, `${version}\n`]);
  }
});
