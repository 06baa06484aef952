/**
 * Unpacks packages of a Debian release that is not this machine's, as any user and without touching its apt.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const mirror = 'http://deb.debian.org/debian';
const keyrings = ['/usr/share/keyrings/debian-archive-keyring.pgp', '/usr/share/keyrings/debian-archive-keyring.gpg'];

/**
 * Makes `directory` hold the files of the packages. Once it exists nothing is downloaded again: delete it to renew it.
 *
 * @param suite Debian release, for example 'forky'
 * @throws Error that says which command failed, with its output and what to do, when the packages cannot be had
 */
export async function unpackOnce(directory: string, suite: string, packages: readonly string[]): Promise<void> {
  if (existsSync(directory)) return;
  await mkdir(dirname(directory), { recursive: true });
  // beside its place and renamed at the end: a try that was cut off is never taken for the whole
  const beside = await mkdtemp(`${directory}.`);
  const apt = await mkdtemp(join(tmpdir(), 'podferry-apt-'));
  try {
    await download(apt, suite, packages);
    for (const file of await readdir(join(apt, 'debs'))) await run('dpkg-deb', ['-x', join(apt, 'debs', file), beside]);
    await chmod(beside, 0o755);
    await rename(beside, directory);
  } catch (error) {
    // another run may have been faster, and its files are as good
    if (existsSync(directory)) return;
    throw new Error(
      `cannot get ${packages.join(', ')} from Debian ${suite}: ${(error as Error).message}\n` +
        `This needs apt-get, dpkg-deb and ${mirror} (apt's own proxy settings are used). ` +
        `Or unpack the packages by hand into ${directory}.`,
      { cause: error },
    );
  } finally {
    await rm(beside, { recursive: true, force: true });
    await rm(apt, { recursive: true, force: true });
  }
}

/** Leaves the .deb files in `apt`/debs. */
async function download(apt: string, suite: string, packages: readonly string[]): Promise<void> {
  const keyring = keyrings.find((file) => existsSync(file));
  if (keyring === undefined) throw new Error('no Debian archive keys here: install debian-archive-keyring');
  for (const directory of ['lists/partial', 'cache/archives/partial', 'debs']) {
    await mkdir(join(apt, directory), { recursive: true });
  }
  await writeFile(join(apt, 'sources.list'), `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  await writeFile(join(apt, 'status'), '');
  const options = [
    `Dir::Etc::sourcelist=${apt}/sources.list`,
    'Dir::Etc::sourceparts=/dev/null',
    // pins of this machine are meant for its own release
    'Dir::Etc::preferences=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    `Dir::State::lists=${apt}/lists`,
    `Dir::State::status=${apt}/status`,
    `Dir::Cache=${apt}/cache`,
    // a mirror that is a snapshot has an old, yet signed, Release file
    'Acquire::Check-Valid-Until=false',
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
    'Acquire::Retries=3',
    // without it an update that reached nothing succeeds, and the next command complains of unknown packages
    'APT::Update::Error-Mode=any',
    // apt's own user may not enter a directory that mkdtemp made
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await run('apt-get', [...options, '-qq', 'update'], { cwd: apt });
  await run('apt-get', [...options, '-qq', 'download', ...packages], { cwd: join(apt, 'debs') });
}
