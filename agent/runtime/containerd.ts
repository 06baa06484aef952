/**
 * A node's containerd over its socket. Tried with 2.1.9.
 */
import { load } from '../../proto/load.ts';
import { Channel } from './channel.ts';
import { containerdTasks } from './containerd-tasks.ts';
import { checkId, present } from './cri-answer.ts';
import { criContainers } from './cri-containers.ts';
import { criImages } from './cri-images.ts';
import { criPods } from './cri-pods.ts';
import { rootfsOf } from './rootfs-mount.ts';
import type { ContainerRuntime, ContainerStorage, RuntimeFacts } from './runtime.ts';

/**
 * @param socketPath absolute path of containerd's socket. Nothing is sent yet, so that an agent can start before
 *   containerd does; a containerd that was restarted is found again by the next call.
 */
export function connect(socketPath: string): ContainerRuntime {
  const channel = new Channel(socketPath);
  return {
    ...facts(channel),
    ...criPods(channel),
    ...criContainers(channel),
    ...criImages(channel),
    ...storage(channel),
    ...containerdTasks(channel),
    close: () => channel.close(),
  };
}

function facts(channel: Channel): RuntimeFacts {
  const methods = load('cri/api.proto').runtime.v1.RuntimeService.service;
  const call = { subject: '', repeatable: true };
  return {
    async version(signal) {
      const answer = await channel.send(methods.Version, {}, { ...call, signal });
      return { name: answer.runtime_name, version: answer.runtime_version };
    },

    async handlers(signal) {
      const answer = await channel.send(methods.Status, {}, { ...call, signal });
      return answer.runtime_handlers.map(({ name }) => name).filter((name) => name !== '');
    },
  };
}

function storage(channel: Channel): ContainerStorage {
  const containers = load('containerd/containers.proto').containerd.services.containers.v1.Containers.service;
  const snapshots = load('containerd/snapshots.proto').containerd.services.snapshots.v1.Snapshots.service;
  return {
    async rootfsMount(containerId, signal) {
      const call = { subject: `container ${containerId}`, repeatable: true, signal };
      const found = await channel.send(containers.Get, { id: checkId('Get', containerId) }, call);
      const { snapshotter, snapshot_key: key } = present(found.container, 'Get', containerId);
      const { mounts } = await channel.send(snapshots.Mounts, { snapshotter, key }, call);
      return rootfsOf(mounts, { containerId, snapshotter });
    },
  };
}
