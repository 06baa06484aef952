/**
 * Our subset of CRI and containerd against the files that upstream publishes.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import type protobuf from 'protobufjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { protoDirectory } from '../../proto/load.ts';
import { unpackOnce } from './debian-packages.ts';
import { describe as schemaOf, reachable, readProtos, type Schema } from './proto-schema.ts';

const upstreamOf: Record<string, string> = {
  'cri/api.proto': 'k8s.io/cri-api/pkg/apis/runtime/v1/api.proto',
  'containerd/containers.proto': 'github.com/containerd/containerd/api/services/containers/v1/containers.proto',
  'containerd/snapshots.proto': 'github.com/containerd/containerd/api/services/snapshots/v1/snapshots.proto',
  'containerd/tasks.proto': 'github.com/containerd/containerd/api/services/tasks/v1/tasks.proto',
  'containerd/version.proto': 'github.com/containerd/containerd/api/services/version/v1/version.proto',
  'containerd/types/mount.proto': 'github.com/containerd/containerd/api/types/mount.proto',
  'containerd/types/task.proto': 'github.com/containerd/containerd/api/types/task/task.proto',
};

/** What we took from a version newer than Debian's may be missing there, and nothing else. */
const newerThanDebian: Schema = new Map([['runtime.v1.Mount.mount_options', 'repeated string = 11']]);

/** cri-api v0.37 put a prefix before the signals' names; the wire has only their numbers. */
function withoutSignalPrefix(schema: Schema): Schema {
  return new Map([...schema].map(([name, is]) => [name.replace('.Signal.SIGNAL_', '.Signal.'), is]));
}

/** Lines of `ours` that upstream has otherwise or not at all. */
function foreign(ours: Schema, upstream: Schema): string[] {
  return [...withoutSignalPrefix(ours)]
    .filter(([name, is]) => (withoutSignalPrefix(upstream).get(name) ?? newerThanDebian.get(name)) !== is)
    .map(([name, is]) => `${name}: ours ${is}, upstream ${withoutSignalPrefix(upstream).get(name) ?? 'nothing'}`);
}

/** Lines that upstream has in `message` and everything it contains, and we have not. */
function missing(ours: Schema, upstream: protobuf.Root, message: string): string[] {
  const parts = reachable(upstream, message);
  const known = withoutSignalPrefix(ours);
  return [...withoutSignalPrefix(schemaOf(upstream))]
    .filter(([name]) => parts.has(name.slice(0, name.lastIndexOf('.'))) && !known.has(name))
    .map(([name, is]) => `${name}: upstream ${is}`);
}

let upstream: protobuf.Root;
const ours = readProtos([protoDirectory], Object.keys(upstreamOf));

beforeAll(async () => {
  const cache = process.env['PODFERRY_CACHE'] ?? '/var/cache/podferry';
  const directory = join(cache, 'upstream-protos');
  await unpackOnce(directory, 'forky', ['golang-k8s-cri-api-dev', 'golang-github-containerd-containerd-api-dev']);
  const sources = join(directory, 'usr/share/gocode/src');
  // containerd's files import each other from the root of all sources, since its API's v1.12 from the module's root
  const roots = [sources, join(sources, 'github.com/containerd/containerd/api')];
  upstream = readProtos(roots, Object.values(upstreamOf));
}, 180_000);

describe('our subset of CRI and containerd', () => {
  it('is compared as a whole', () => {
    const files = globSync('{cri,containerd}/**/*.proto', { cwd: protoDirectory });
    expect(files.sort()).toEqual(Object.keys(upstreamOf).sort());
  });

  it("has upstream's names, numbers, types and labels", () => {
    expect(foreign(schemaOf(ours), schemaOf(upstream))).toEqual([]);
  });

  it.each(['runtime.v1.PodSandboxConfig', 'runtime.v1.ContainerConfig'])('has all of %s', (message) => {
    expect(reachable(ours, message).size).toBeGreaterThan(10);
    expect(missing(schemaOf(ours), upstream, message)).toEqual([]);
  });
});

describe('the comparison', () => {
  const line = 'runtime.v1.Mount.container_path';

  it.each([
    ['another number', 'string = 2'],
    ['another type', 'bytes = 1'],
    ['another label', 'repeated string = 1'],
  ])('sees %s', (_what, description) => {
    const changed = new Map([...schemaOf(ours), [line, description]]);
    expect(foreign(changed, schemaOf(upstream))).toEqual([`${line}: ours ${description}, upstream string = 1`]);
  });

  it('sees a name that upstream does not have', () => {
    const invented = new Map([...schemaOf(ours), ['runtime.v1.Mount.invented', 'string = 99']]);
    expect(foreign(invented, schemaOf(upstream))).toHaveLength(1);
  });

  it('sees a field, an enum value and a nested field that we lack', () => {
    const names = [
      'runtime.v1.ContainerConfig.tty',
      'runtime.v1.NamespaceMode.TARGET',
      'runtime.v1.HugepageLimit.limit',
    ];
    const lacking = new Map([...schemaOf(ours)].filter(([name]) => !names.includes(name)));
    expect(missing(lacking, upstream, 'runtime.v1.ContainerConfig')).toHaveLength(names.length);
  });
});
