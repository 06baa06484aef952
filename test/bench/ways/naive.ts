/**
 * What the documentation of the parts suggests: pause, `runc checkpoint`, cp, and a runc wrapper at the target that
 * calls `runc restore`. Nothing is started ahead, nothing tuned; the target's sandbox stands before the freeze.
 */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectCri, type Lab, removePod, runPod } from '../../lab/index.ts';
import { runRedis } from '../redis.ts';
import type { Measured, Way } from './way.ts';

const wrapper = '/usr/local/lib/podferry-bench/naive-runc';
const root = '/run/containerd/runc/k8s.io';

/** Prints nanoseconds: of the pause, of the checkpoint. */
const freeze = `
set -eu
rm -rf /run/naive && mkdir -p /run/naive
a=$(date +%s%N)
runc --root ${root} pause "$1"
b=$(date +%s%N)
runc --root ${root} checkpoint --leave-running --image-path /run/naive/images --work-path /run/naive/work "$1"
c=$(date +%s%N)
echo $((b - a)) $((c - b))
`;

export async function naive(lab: Lab, sizeMb: number): Promise<Way> {
  for (const { name, root: host } of lab.nodes) {
    await lab.run(name, ['mkdir', '-p', '/usr/local/lib/podferry-bench']);
    await copyFile(join(import.meta.dirname, 'naive-runc.sh'), `${host}${wrapper}`);
  }
  return {
    name: 'naive',
    strategy: 'stop_and_copy',
    transport: 'cp',
    async once() {
      const source = await runRedis(lab, 'node-a', 'naive-source', 'runc', sizeMb);
      await lab.run('node-b', ['sh', '-c', 'rm -rf /run/naive && mkdir -p /run/naive']);
      const target = await runPod(lab, 'node-b', {
        name: 'naive-target',
        image: 'redis',
        handler: 'naive',
        start: false,
      });
      const cri = connectCri(lab.node('node-b').containerd);
      try {
        return await move(lab, source.containerId, target.containerId, async (id) => {
          await cri.startContainer({ container_id: id });
        });
      } finally {
        cri.close();
        await removePod(lab, 'node-b', target.podId);
        await lab.run('node-a', ['runc', '--root', root, 'resume', source.containerId]);
        await removePod(lab, 'node-a', source.podId);
      }
    },
    async close() {
      for (const { name } of lab.nodes)
        await lab.run(name, ['rm', '-rf', '/run/naive', '/usr/local/lib/podferry-bench']);
    },
  };
}

async function move(lab: Lab, from: string, to: string, start: (id: string) => Promise<void>): Promise<Measured> {
  const [pause = 0, dump = 0] = (await lab.run('node-a', ['sh', '-c', freeze, 'sh', from]))
    .trim()
    .split(' ')
    .map((ns) => Number(ns) / 1e6);
  const images = (node: 'node-a' | 'node-b') => `${lab.node(node).root}/run/naive`;
  const [written, empty] = [await upperOf(lab, 'node-a', from), await upperOf(lab, 'node-b', to)];
  const copying = performance.now();
  const copies = `cp -r "$1" "$2" && cp -a "$3/." "$4"`;
  await lab.run('control', ['sh', '-c', copies, 'sh', `${images('node-a')}/images`, images('node-b'), written, empty]);
  const restoring = performance.now();
  await start(to);
  const restore = performance.now() - restoring;
  const copy = restoring - copying;
  return { freezeMs: pause + dump + copy + restore, parts: { pause, dump, copy, restore } };
}

/** Where a container's own files are, as the host sees them: Redis's append-only file has to come along. */
async function upperOf(lab: Lab, node: 'node-a' | 'node-b', container: string): Promise<string> {
  const mount = await lab.run(node, ['ctr', '-n', 'k8s.io', 'snapshots', 'mounts', '/mnt', container]);
  return `${lab.node(node).root}${/upperdir=([^, ]*)/.exec(mount)?.[1] ?? ''}`;
}
