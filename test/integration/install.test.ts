/** The node installer on real nodes: what it makes, what it refuses, and that a node is afterwards what it was before. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { askRunning } from '../../agent/install/cri.ts';
import { stockContainerdConfig as plain } from '../lab/containerd.ts';
import { type NodeName, open, type Output, startContainerd } from '../lab/index.ts';
import { nodeProgramInNode, repositoryInNode, wrapperInNode } from '../lab/layout.ts';
import { olderContainerd } from '../lab/older-containerd.ts';
import { execIn, Pods } from './migrate.ts';

// A node's containerd is restarted here again and again: never beside another file that uses the same lab.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const lab = open();
const node: NodeName = 'node-b';
const { root, containerd } = lab.node(node);
const pods = new Pods(lab);
const main = '/etc/containerd/config.toml';
const restartScript = `sh ${repositoryInNode}/test/lab/restart-containerd.sh`;

const sh = async (script: string) => await lab.run(node, ['sh', '-euc', script]);

async function installer(verb: string, ...flags: string[]): Promise<Output> {
  const program = [nodeProgramInNode, `${repositoryInNode}/agent/install/main.ts`, verb];
  const usual = ['--node', node, '--host-root', '/', '--restart-command', restartScript, '--restart-timeout', '15s'];
  return await lab.exec(node, [...program, ...usual, ...flags]);
}

/** Everything that an installation could touch: path, kind, rights, owner, and of files content and time. */
async function snapshot(): Promise<string[]> {
  const files = `\\( -type f -printf '%p f %m %U:%G %T@ ' -exec sha256sum {} \\; \\)`;
  const found = await sh(
    `find /etc /usr/local /opt $(ls -d /var/lib/podferry || :) -xdev ${files} -o -printf '%p %y %m %U:%G %l\\n'`,
  );
  const exact = (time: string) => Number(time).toFixed(3);
  return found
    .trim()
    .split('\n')
    .map((line) => line.replace(/\d{9,}\.\d+/, exact))
    .sort();
}

const restarts = async () => Number(await sh('cat /run/containerd-restarts 2>/dev/null | wc -l'));
const handlerThatRuns = async () => (await askRunning(containerd)).handler;

/** The node as somebody has configured it. */
async function configure(files: Record<string, string>): Promise<void> {
  await sh(`rm -rf /etc/containerd /usr/local/lib/podferry /var/lib/podferry; mkdir /etc/containerd`);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), text, { mode: 0o640 });
    await sh(`touch -d '2024-01-02 03:04:05.5' ${path}`);
  }
  await sh(restartScript);
  await expect.poll(async () => await askRunning(containerd).catch(() => undefined), { timeout: 20_000 }).toBeDefined();
  expect(await handlerThatRuns()).toBeUndefined();
}

const version3 = "plugins.'io.containerd.cri.v1.runtime'";
const version2 = 'plugins."io.containerd.grpc.v1.cri"';

beforeAll(async () => {
  await sh('mkdir /run/kept && cp -a /etc/containerd /usr/local/lib/podferry /run/kept');
});

afterEach(async () => await pods.remove());

afterAll(async () => {
  await sh(`
    rm -rf /etc/containerd /usr/local/lib/podferry /var/lib/podferry /usr/local/bin/containerd*
    cp -a /run/kept/containerd /etc/containerd
    cp -a /run/kept/podferry /usr/local/lib/podferry
    rm -r /run/kept
    pkill -x containerd
    while pgrep -x containerd; do sleep 0.1; done`);
  await startContainerd(lab, node);
});

type Case = [what: string, files: Record<string, string>, where: string | RegExp];

/** Installs, does so again, and takes it back. */
async function thereAndBack(files: Record<string, string>, where: string | RegExp): Promise<void> {
  await configure(files);
  const before = await snapshot();
  const [began, dumped] = [await restarts(), await handlersInDump()];
  expect(await installer('check')).toMatchObject({ code: 1 });
  expect(await snapshot()).toEqual(before);
  const installed = await installer('install');
  expect(installed).toMatchObject({ code: 0, stdout: expect.stringMatching(where) });
  expect(await restarts()).toBe(began + 1);
  expect(await handlerThatRuns()).toMatchObject({
    runtime_type: 'io.containerd.runc.v2',
    pod_annotations: ['podferry.dev/*'],
    container_annotations: ['podferry.dev/*', 'org.criu.config'],
    options: { BinaryName: wrapperInNode },
  });
  // 1.7 names none of its own when there is no configuration at all.
  expect(await handlersInDump()).toEqual([...dumped, 'podferry'].sort());
  for (const [path, text] of Object.entries(files)) {
    const lines = (await sh(`cat ${path}`)).split('\n');
    const kept = text.split('\n').filter((line) => !line.startsWith('imports = []'));
    expect(lines).toEqual(expect.arrayContaining(kept));
  }

  const after = await snapshot();
  expect(await installer('install')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
  expect(await installer('check')).toMatchObject({ code: 0 });
  expect(await snapshot()).toEqual(after);
  expect(await restarts()).toBe(began + 1);

  expect(await installer('uninstall')).toMatchObject({ code: 0 });
  expect(await restarts()).toBe(began + 2);
  expect(await handlerThatRuns()).toBeUndefined();
  expect(await snapshot()).toEqual(before);
}

async function handlersInDump(): Promise<string[]> {
  const dump = await sh('containerd config dump');
  const names = [...dump.matchAll(/^ *\[plugins\.[^\n]*\.containerd\.runtimes\.([a-z]+)\]$/gm)].map(
    ([, name = '']) => name,
  );
  return names.sort();
}

describe('containerd 2', () => {
  it.each<Case>([
    ['no configuration', {}, /a new \/etc\/containerd\/config.toml/],
    ['one without imports', { [main]: plain }, 'conf.d/podferry.toml, and a line in'],
    ['one that imports nothing', { [main]: `# first\nimports = [] # none\n${plain}` }, 'and a line in'],
    [
      'one that imports a directory',
      {
        [main]: plain.replace('version = 3', "version = 3\nimports = ['/etc/containerd/conf.d/*.toml'] # ours"),
        '/etc/containerd/conf.d/90-kata.toml': `version = 3\n[${version3}.containerd.runtimes.kata]\nruntime_type = 'io.containerd.kata.v2'\n`,
      },
      'conf.d/podferry.toml, which',
    ],
    [
      'one that imports by another name',
      { [main]: `imports = ["/etc/containerd/more/50-*.conf"]\n${plain}` },
      'writes /etc/containerd/more/50-podferry.conf',
    ],
    [
      'one that imports single files, and no line end',
      {
        [main]: `imports = ["/etc/containerd/one.toml"]\n${plain.trimEnd()}`,
        '/etc/containerd/one.toml': 'version = 3\noom_score = -999\n',
      },
      'a part at the end of /etc/containerd/config.toml',
    ],
    [
      'one of version 2',
      {
        [main]: `version = 2\n# theirs\n[${version2}.containerd.runtimes.runc.options]\n  SystemdCgroup = false # cgroupfs\n`,
      },
      'conf.d/podferry.toml',
    ],
  ])('with %s', async (_what, files, where) => await thereAndBack(files, where));

  it('takes over how the node keeps its cgroups', async () => {
    const options = `[${version3}.containerd.runtimes.runc.options]\nSystemdCgroup = true\n`;
    await configure({ [main]: `${plain}\n${options}` });
    expect(await installer('install')).toMatchObject({ code: 0 });
    expect(await handlerThatRuns()).toMatchObject({ options: { SystemdCgroup: true } });
  });
});

describe('on a node with pods', () => {
  beforeEach(async () => await configure({ [main]: plain }));

  it('restarts nothing but containerd, runs pods by the wrapper, and stays while there are some', async () => {
    const other = await pods.run({ name: 'other', image: 'counter', ...{ handler: 'runc' } }, node);
    const before = await snapshot();
    expect(await installer('install')).toMatchObject({ code: 0 });
    const running = async ({ pid }: { pid: number }) => (await sh(`cat /proc/${pid}/comm`)).trim();
    expect(await running(other)).toBe('counter');
    expect(await execIn(lab, other, ['true'])).toBe('');

    const ours = await pods.run({ name: 'ours', image: 'counter' }, node);
    const installed = await snapshot();
    const refused = await installer('uninstall');
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('pod default/ours has the runtime handler'),
    });
    await sh('mkdir -p /run/podferry/target/mig-here');
    expect((await installer('uninstall')).stderr).toMatch(/migration mig-here has this node as its target/);
    await sh('rm -r /run/podferry/target/mig-here');
    expect(await snapshot()).toEqual(installed);
    expect(await running(ours)).toBe('counter');

    await pods.remove();
    expect(await installer('uninstall')).toMatchObject({ code: 0 });
    expect(await snapshot()).toEqual(before);
  });
});

describe('refuses, and leaves everything as it is:', () => {
  async function refused(...flags: string[]): Promise<string> {
    const [before, began] = [await snapshot(), await restarts()];
    const { code, stdout, stderr } = await installer('install', ...flags);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/nothing was changed/);
    expect((await installer('check', ...flags)).code).toBe(2);
    expect(await snapshot()).toEqual(before);
    expect(await restarts()).toBe(began);
    return stderr;
  }

  it('a configuration that is no TOML', async () => {
    await configure({ [main]: plain });
    await sh(`printf 'version = 3\\n[plugins\\n' >${main}`);
    expect(await refused()).toMatch(/config.toml, line 2: Invalid TOML/);
  });

  it('a handler of the same name that somebody else has made', async () => {
    await configure({ [main]: plain });
    const foreign = `[${version3}.containerd.runtimes.podferry]\nruntime_type = "io.containerd.runsc.v1"\n`;
    await writeFile(join(root, main), `${plain}\n${foreign}`);
    expect(await refused()).toMatch(/handler podferry that is not ours/);
  });

  it('file systems that cannot be written, a CRIU that is not there, a missing systemd: all at once', async () => {
    await configure({ [main]: plain });
    await sh('mount --bind /etc /etc && mount -o remount,bind,ro /etc && mount --bind /dev/null /usr/sbin/criu');
    await sh('[ ! -e /usr/local/sbin/criu ] || mount --bind /dev/null /usr/local/sbin/criu');
    try {
      const stderr = await refused('--criu', 'never', '--restart-command', 'auto');
      expect(stderr).toMatch(/\/etc\/containerd is on a read-only file system/);
      expect(stderr).toMatch(/the node has no CRIU that works/);
      expect(stderr).toMatch(/systemd does not run here: say by --restart-command/);
    } finally {
      await sh('umount /etc /usr/sbin/criu; umount /usr/local/sbin/criu || :');
    }
  });

  it('a containerd that is not there', async () => {
    await configure({ [main]: plain });
    expect(await refused('--containerd-program', 'no-such', '--criu', 'never')).toMatch(
      /no-such.* is not on this node/,
    );
  });
});

describe('a containerd that does not come back', () => {
  beforeEach(async () => await configure({ [main]: plain }));

  it.each([
    ['because it was never restarted', 'true', 'containerd answers again'],
    ['because restarting fails', 'echo no >&2; exit 1', 'has to be looked at'],
  ])('%s gets its files back', async (_what, command, fate) => {
    const before = await snapshot();
    const { code, stderr } = await installer('install', '--restart-command', command, '--restart-timeout', '2s');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(fate) });
    expect(stderr).toMatch(/files are again what they were/);
    expect(await snapshot()).toEqual(before);
  });

  it('because it dies of something gets them back, and is started with them', async () => {
    const before = await snapshot();
    // Fails as long as our handler is there: a containerd with which it cannot work.
    const picky = `${restartScript}; sleep 1; ! grep -q ^imports ${main} || pkill -x containerd`;
    const { code, stderr } = await installer('install', '--restart-command', picky, '--restart-timeout', '4s');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('containerd answers again') });
    expect(await snapshot()).toEqual(before);
    expect(await handlerThatRuns()).toBeUndefined();
  });
});

it('from a container: programs and files are the node’s, not its own', async () => {
  await configure({ [main]: plain });
  const before = await snapshot();
  const inside = async (verb: string) =>
    await lab.exec(node, [
      'unshare',
      '--mount',
      'sh',
      '-euc',
      // What the container has of its own says nothing of the node.
      `mkdir -p /tmp/host; mount --rbind / /tmp/host; mount -t tmpfs none /etc; mount -t tmpfs none /usr/local
      mount --bind /dev/null /usr/bin/containerd; mount -t tmpfs none /run
      exec ${nodeProgramInNode} ${repositoryInNode}/agent/install/main.ts ${verb} --node ${node} --host-root /tmp/host \
        --restart-command '${restartScript}' --restart-timeout 15s`,
    ]);
  expect(await inside('install')).toMatchObject({ code: 0, stdout: expect.stringContaining('is back') });
  expect(await sh(`readlink ${dirname(wrapperInNode)}/runc`)).toBe('/usr/sbin/runc\n');
  expect(await handlerThatRuns()).toBeDefined();
  expect(await inside('install')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
  expect(await inside('uninstall')).toMatchObject({ code: 0 });
  await sh('rmdir /tmp/host');
  expect(await snapshot()).toEqual(before);
});

it('brings CRIU when it is told to, and takes it away', async () => {
  await configure({ [main]: plain });
  const before = await snapshot();
  // As the image has it: the program by its own loader and libraries, wherever that lies.
  await sh(`mkdir -p /run/our-criu/lib; cp /usr/sbin/criu /run/our-criu/criu.bin
    for file in $(ldd /usr/sbin/criu | grep -o '/[^ ]*'); do cp -L $file /run/our-criu/lib; done
    printf '%s\\n' '#!/bin/sh' 'here=$(dirname "$0")' 'exec $here/lib/ld-linux-x86-64.so.2 --library-path $here/lib $here/criu.bin "$@"' >/run/our-criu/criu
    chmod 755 /run/our-criu/criu`);
  const flags = ['--criu', 'always', '--criu-source', '/run/our-criu'];
  expect(await installer('install', ...flags)).toMatchObject({ code: 0 });
  expect(await sh(`${dirname(wrapperInNode)}/criu/criu --version`)).toMatch(/Version: 4/);
  // What the wrapper calls finds it first.
  await sh('printf "#!/bin/sh\\ncommand -v criu\\n" >/run/which && chmod 755 /run/which');
  expect(await sh(`PODFERRY_RUNC=/run/which ${wrapperInNode}`)).toBe(`${dirname(wrapperInNode)}/criu/criu\n`);
  expect(await installer('install', ...flags)).toMatchObject({ stdout: expect.stringContaining('nothing to do') });
  expect(await installer('uninstall', ...flags)).toMatchObject({ code: 0 });
  await sh('rm -r /run/our-criu /run/which');
  expect(await snapshot()).toEqual(before);
});

it('leaves what others have written since, and takes its own lines out of it', async () => {
  await configure({ [main]: plain });
  expect(await installer('install')).toMatchObject({ code: 0 });
  await sh(`printf '\\n# theirs\\noom = 1\\n' >>${main} && sed -i /^oom/d ${main}`);
  const out = await installer('uninstall');
  expect(out).toMatchObject({ code: 0, stdout: expect.stringContaining('somebody has changed it since') });
  expect(await sh(`cat ${main}`)).toBe(`${plain}\n# theirs\n`);
  expect(await sh('ls /etc/containerd')).toBe('config.toml\n');
});

it('replaces an older wrapper by another file, and puts back what was there before it', async () => {
  await configure({ [main]: plain });
  await sh(
    `mkdir -p ${dirname(wrapperInNode)}; printf '#!/bin/sh\\nexec runc "$@"\\n' >${wrapperInNode}; chmod 755 ${wrapperInNode}`,
  );
  const before = await snapshot();
  const inode = await sh(`stat -c %i ${wrapperInNode}`);
  expect(await installer('install')).toMatchObject({ code: 0 });
  expect(await sh(`stat -c %i ${wrapperInNode}`)).not.toBe(inode);
  const began = await restarts();
  // An update of ours: no restart, the handler is the same.
  await sh(`echo '# older' >>${wrapperInNode}`);
  expect(await installer('install')).toMatchObject({ code: 0, stdout: expect.stringContaining('no restart') });
  expect(await restarts()).toBe(began);
  expect(await installer('uninstall')).toMatchObject({ code: 0 });
  expect(await snapshot()).toEqual(before);
});

describe('containerd 1.7', () => {
  const own = 'version = 2\nroot = "/var/lib/containerd/older"\nstate = "/run/containerd-older"\n';
  const cri = `[${version2}]\n  sandbox_image = "podferry.dev/pause:lab"\n  restrict_oom_score_adj = true # no CAP_SYS_RESOURCE\n`;

  beforeAll(async () => {
    await cp(await olderContainerd(lab.state.cache), join(root, 'usr/local/bin'), { recursive: true });
  });

  it.each<Case>([
    ['little of a configuration', { [main]: own }, 'conf.d/podferry.toml, and a line'],
    ['all in one file', { [main]: `${own}# theirs\n${cri}` }, 'a part at the end of /etc/containerd/config.toml'],
    [
      'all in one file, with handlers, and a directory for more',
      {
        [main]: `${own}imports = ["/etc/containerd/conf.d/*.toml"]\n${cri}[${version2}.containerd.runtimes.runc]\n  runtime_type = "io.containerd.runc.v2"\n  [${version2}.containerd.runtimes.runc.options]\n    SystemdCgroup = false\n[${version2}.containerd.runtimes.kata]\n  runtime_type = "io.containerd.kata.v2"\n`,
      },
      'a part at the end of /etc/containerd/config.toml',
    ],
    [
      'another file that has the section',
      {
        [main]: `${own}imports = ["/etc/containerd/conf.d/*.toml"]\n`,
        '/etc/containerd/conf.d/zz.toml': `version = 2\n${cri}`,
      },
      'a part at the end of /etc/containerd/conf.d/zz.toml',
    ],
  ])('with %s', async (_what, files, where) => {
    await thereAndBack(files, where);
    expect((await askRunning(containerd)).version).toMatch(/1\.7\./);
  });
});
