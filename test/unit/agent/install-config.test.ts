/** Where the handler goes in containerd's configuration, and that it goes out of it again without a trace. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type ConfigFiles,
  cleaned,
  handlersOf,
  placements,
  read,
  section,
  type Table,
  type Version,
  without,
} from '../../../agent/install/containerd-config.ts';
import { loaded } from '../../../agent/install/cri.ts';
import { carries, differences, place } from '../../../agent/install/effective.ts';
import { handlerLike, runcOf } from '../../../agent/install/handler.ts';

/** What `containerd config default` prints, of 1.7.24 and 2.1.9, and what Debian's package brings. */
const real = (name: string) => readFileSync(join(import.meta.dirname, 'containerd', `${name}.toml`), 'utf8');
const main = '/etc/containerd/config.toml';
const wrapper = '/usr/local/lib/podferry/podferry-runc';
const plugin = { 2: 'plugins."io.containerd.grpc.v1.cri"', 3: "plugins.'io.containerd.cri.v1.runtime'" };
const handler: Table = handlerLike({}, wrapper);
const config = (files: Record<string, string>): ConfigFiles => ({ main, files: new Map(Object.entries(files)) });
const ways = (files: ConfigFiles, version: Version) => placements(files, version, (own) => section(own, handler));

const texts: [what: string, version: Version, text: string][] = [
  ['the default of 1.7', 2, real('default-1.7.24')],
  ['the default of 2.1', 3, real('default-2.1.9')],
  ['Debian’s', 2, real('debian')],
  ['one with comments everywhere', 3, '# a\nversion = 3 # b\n# c\n[plugins] # d\n# e\n'],
  ['one without a line end', 2, 'version = 2\n[grpc]\naddress = "/x"'],
  ['one that imports nothing', 2, 'version = 2\n  imports = [ ] # "none"\noom_score = 0\n'],
  ['one whose imports are a list of lines', 2, 'version = 2\nimports = [\n  "/etc/a.toml", # one\n]\n'],
  ['one of Windows’ line ends', 2, 'version = 2\r\nimports = []\r\n[grpc]\r\n'],
  ['one with a line in a text that looks like another', 3, 'root = """\nversion = 1\nimports = []\n"""\nversion = 3\n'],
  ['one that says its version last', 2, 'oom_score = 1\nversion = 2\n'],
  ['an empty one but for the version', 2, 'version = 2'],
  ['one with our words in a comment', 2, 'version = 2\n# podferry: what is it?\n'],
];

describe.each(texts)('%s', (_what, version, text) => {
  it('has the handler in every placement, and nothing else anew', () => {
    const all = ways(config({ [main]: text }), version);
    expect(all.length).toBeGreaterThan(0);
    const { imports: _, ...before } = read(text);
    for (const { files } of all) {
      const { imports: _, ...after } = read(files.get(main) ?? '');
      expect(
        differences(before, after).filter((path) => path !== 'plugins' && !/^plugins\.\S*(cri|runtime)\b/.test(path)),
      ).toEqual([]);
      const handlers = Object.assign({}, ...[...files.values()].map((each) => handlersOf(read(each)))) as Table;
      expect(handlers['podferry']).toEqual(handler);
    }
  });

  it('loses no line, and is byte for byte the same without ours', () => {
    for (const { files } of ways(config({ [main]: text }), version)) {
      const changed = files.get(main) ?? '';
      for (const line of text.split('\n')) expect(changed).toContain(line);
      expect(Object.fromEntries(cleaned({ main, files }).files)).toEqual({ [main]: text });
    }
  });

  it('keeps what is written to its end later', () => {
    for (const { files } of ways(config({ [main]: text }), version)) {
      const later = `${files.get(main)}# theirs\n`;
      expect(without(later)).toBe(`${text}# theirs\n`);
    }
  });
});

it.each([
  ['none', {}, [main]],
  ['nothing imported', { [main]: 'version = 2\n' }, ['/etc/containerd/conf.d/podferry.toml', main]],
  ['a directory', { [main]: 'imports = ["/etc/containerd/x/*.toml"]\n' }, ['/etc/containerd/x/podferry.toml', main]],
  ['names of their own', { [main]: 'imports = ["/etc/c/70-*.conf"]\n' }, ['/etc/c/70-podferry.conf', main]],
  ['single files', { [main]: 'imports = ["/etc/a.toml"]\n' }, [main]],
  ['relative ones, which 1.7 looks for elsewhere', { [main]: 'imports = ["x/*.toml"]\n' }, [main]],
  ['directories by pattern', { [main]: 'imports = ["/etc/*/x.toml", "/etc/?/*.toml"]\n' }, [main]],
  [
    'a section elsewhere',
    { [main]: 'version = 2\nimports = ["/e/*.toml"]\n', '/e/a.toml': `version = 2\n[${plugin[2]}]\n` },
    ['/e/podferry.toml', main, '/e/a.toml'],
  ],
  [
    'our name taken by somebody',
    { [main]: 'version = 2\nimports = ["/e/*.toml"]\n', '/e/podferry.toml': 'version = 2\n' },
    [main],
  ],
] as [string, Record<string, string>, string[]][])('with imports: %s', (_what, files, expected) => {
  const before = config(files);
  const changed = ways(before, 2).map((way) => {
    const [first] = [...way.files].find(([path, text]) => before.files.get(path) !== text && path !== main) ?? [main];
    return first;
  });
  expect(changed).toEqual(expected);
});

it('leaves an import that others have come to need', () => {
  const [way] = ways(config({ [main]: 'version = 2\n' }), 2);
  const files = new Map([...(way?.files ?? []), ['/etc/containerd/conf.d/theirs.toml', 'version = 2\n']]);
  const clean = cleaned({ main, files });
  expect([...clean.files.keys()]).toEqual([main, '/etc/containerd/conf.d/theirs.toml']);
  expect(clean.files.get(main)).toContain('imports = ["/etc/containerd/conf.d/*.toml"]');
});

describe('the place', () => {
  const files = config({ [main]: `version = 2\n[${plugin[2]}]\nsandbox_image = "theirs"\n` });
  it('is not where containerd would forget something else', async () => {
    // 1.7: a plugin's section is that of the last file which has one. A stand-in; real ones are in test/integration.
    const last = async (config: ConfigFiles): Promise<Table> => {
      const all = [...config.files.values()].map((text) => read(text)['plugins'] as Table | undefined);
      return { plugins: Object.assign({}, ...all) as Table };
    };
    expect((await place(files, 2, handler, last)).how).toBe(`a part at the end of ${main}`);
  });

  it('has the other handlers, too, where containerd would forget them', async () => {
    const forgets = async (config: ConfigFiles): Promise<Table> => {
      const all = Object.assign({}, ...[...config.files.values()].map((text) => handlersOf(read(text)))) as Table;
      const runtimes = Object.keys(all).length === 0 ? { runc: { runtime_type: 'io.containerd.runc.v2' } } : all;
      return { plugins: { 'io.containerd.grpc.v1.cri': { containerd: { runtimes } } } };
    };
    const { files: then } = await place(config({ [main]: 'version = 2\n' }), 2, handler, forgets);
    expect(then.get('/etc/containerd/conf.d/podferry.toml')).toContain('runtimes.runc]');
  });

  it('is nowhere when each would change something, and that is said', async () => {
    let count = 0;
    const whimsical = async (): Promise<Table> => ({ oom_score: (count += 1) });
    await expect(place(files, 2, handler, whimsical)).rejects.toThrow(/no place.*would also change oom_score/);
  });
});

it('is a handler like the node’s own', () => {
  const runc = {
    runtime_type: 'io.containerd.runc.v2',
    base_runtime_spec: '/etc/base.json',
    snapshotter: '',
    cni_max_conf_num: 2,
  };
  const options = { BinaryName: '/opt/runc', SystemdCgroup: true };
  const dump = {
    plugins: { 'io.containerd.cri.v1.runtime': { containerd: { runtimes: { runc: { ...runc, options } } } } },
  };
  expect(handlerLike(dump, wrapper)).toEqual({
    runtime_type: 'io.containerd.runc.v2',
    pod_annotations: ['podferry.dev/*'],
    container_annotations: ['podferry.dev/*', 'org.criu.config'],
    base_runtime_spec: '/etc/base.json',
    cni_max_conf_num: 2,
    options: { BinaryName: wrapper, SystemdCgroup: true },
  });
  expect(runcOf(dump)).toBe('/opt/runc');
  expect(runcOf({})).toBe('runc');
});

it('knows a handler again from what a running containerd says', () => {
  const told = (options: Table, annotations = ['podferry.dev/*']) =>
    loaded(
      JSON.stringify({
        containerd: {
          runtimes: {
            podferry: {
              runtimeType: 'io.containerd.runc.v2',
              PodAnnotations: annotations,
              ContainerAnnotations: ['podferry.dev/*', 'org.criu.config'],
              options,
              sandboxer: 'podsandbox',
            },
          },
        },
      }),
    );
  expect(carries(told({ BinaryName: wrapper }), handler)).toBe(true);
  expect(carries(told({ BinaryName: wrapper, SystemdCgroup: true }), handler)).toBe(false);
  expect(carries(told({ BinaryName: '/elsewhere' }), handler)).toBe(false);
  expect(carries(told({ BinaryName: wrapper }, []), handler)).toBe(false);
  expect(carries(loaded('{}'), handler)).toBe(false);
});
