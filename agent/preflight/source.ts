/** Whether a pod can leave its node. Reads only; every reason against it, at once. */
import { readFileSync, readlinkSync } from 'node:fs';
import type { Finding } from '../../proto/gen/podferry/v1/Finding.ts';
import type { PodManifest } from '../../proto/gen/podferry/v1/PodManifest.ts';
import type { Reason } from '../../proto/fault.ts';
import { namespaceOf } from '../runtime/process.ts';
import { cgroupMounts, descriptorNumbers, externalMounts, type SourceContainer, type SourcePod } from './describe.ts';
import { locksOnShared, plain, type SharedMounts } from './shared.ts';
import { emptyDirs, nodeMounts } from './volumes.ts';

const none: ReadonlySet<string> = new Set();

export function preflightSource(pod: SourcePod, shared: SharedMounts): Finding[] {
  const { uid } = pod.status;
  const ofContainers = pod.containers.flatMap((container) =>
    containerFindings(container, uid, shared.get(container.name) ?? none),
  );
  return [...podFindings(pod), ...ofContainers];
}

function podFindings({ status, ipcObjects }: SourcePod): Finding[] {
  const findings: Finding[] = [];
  const namespaces = status.config.linux?.security_context?.namespace_options;
  const shared = (['network', 'pid', 'ipc'] as const).filter((kind) => namespaces?.[kind] === 'NODE');
  if (shared.length > 0 || status.netnsPath === undefined) {
    const which = shared.length > 0 ? shared.join(', ') : 'network';
    findings.push(
      finding('HostNamespace', `the pod uses its node's ${which} namespace, which stays behind: use the pod's own`),
    );
  }
  if (namespaces?.pid === 'POD') {
    findings.push(
      finding('HostNamespace', 'the containers share one process namespace (shareProcessNamespace): not supported'),
    );
  }
  if (status.config.linux?.security_context?.privileged === true) {
    findings.push(finding('PrivilegedContainer', 'the pod is privileged: what it has done to its node cannot move'));
  }
  if (ipcObjects.length > 0) {
    findings.push(
      finding('KernelFeatureInUse', `the pod has ${ipcObjects.join(', ')}: they would be gone at the target`),
    );
  }
  return findings;
}

function containerFindings(container: SourceContainer, uid: string, shared: ReadonlySet<string>): Finding[] {
  const { name, status } = container;
  const { config } = status;
  const findings: Finding[] = [];
  const say = (reason: Reason, message: string) => findings.push(finding(reason, `container ${name} ${message}`));
  if (config.tty) say('TerminalAttached', 'has a terminal (tty): a terminal cannot move');
  if (config.stdin) say('TerminalAttached', 'has its standard input attached: whoever writes there stays behind');
  if (config.linux?.security_context?.privileged === true) say('PrivilegedContainer', 'is privileged: run it without');
  if (config.devices.length + config.CDI_devices.length > 0)
    say('DeviceAttached', 'has devices of its node: they stay behind');
  for (const { host_path, container_path } of nodeMounts(config, uid)) {
    if (shared.has(plain(container_path))) continue;
    say('HostPathVolume', `mounts ${host_path} of its node on ${container_path}: its content would stay behind`);
  }
  for (const file of locksOnShared(container.freezer.pids(), shared)) {
    say('KernelFeatureInUse', `holds a lock on ${file}, where both nodes are: the target could not take it over`);
  }
  if (namespaceOf(container.pid, 'user') !== namespaceOf('self', 'user')) {
    say('RuntimeUnsupported', 'runs in a user namespace: not supported yet');
  }
  for (const use of unmovable(container)) say('KernelFeatureInUse', `${use}: CRIU cannot carry it`);
  return findings;
}

function unmovable({ freezer, pid }: SourceContainer): string[] {
  const uses: string[] = [];
  for (const each of freezer.pids()) {
    for (const fd of descriptorNumbers(each)) {
      if (linkOf(`/proc/${each}/fd/${fd}`) === 'anon_inode:[io_uring]') uses.push(`process ${each} uses io_uring`);
    }
  }
  // PROTOCOL SIZE SOCKETS …: the network namespace's own counts
  for (const line of readFileSync(`/proc/${pid}/net/protocols`, 'utf8').split('\n')) {
    const [protocol = '', , sockets = '0'] = line.trim().split(/\s+/);
    if (protocol.startsWith('MPTCP') && Number(sockets) > 0) uses.push(`${sockets} sockets use ${protocol}`);
  }
  return [...new Set(uses)];
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function finding(reason: Reason, message: string): Finding {
  return { reason, message };
}

/** What the target needs to know. */
export function manifestOf(pod: SourcePod, cpuFlags: readonly string[]): PodManifest {
  const { status, containers, memoryBytes, mac } = pod;
  return {
    pod: { namespace: status.namespace, name: status.name, uid: status.uid },
    handler: status.runtimeHandler,
    sandbox_config_json: JSON.stringify(status.config),
    containers: containers.map((container) => ({
      name: container.name,
      id: container.status.id,
      image: container.status.image,
      config_json: JSON.stringify(container.status.config),
      descriptors: container.descriptors,
      external_mounts: [
        ...externalMounts(container.mounts).map(({ mountPoint, options }) => ({ mount_point: mountPoint, options })),
        ...cgroupMounts(container.mounts).map(({ mountPoint }) => ({ mount_point: mountPoint, cgroup: true })),
      ],
      trees: emptyDirs(container.status.config, status.uid).map(({ tree, mountPoint, name: volume }) => ({
        name: tree,
        mount_point: mountPoint,
        volume,
      })),
    })),
    memory_bytes: String(memoryBytes),
    ip: status.ip ?? '',
    ips: status.ip === undefined ? [] : [status.ip, ...status.additionalIps],
    mac,
    cpu_flags: [...cpuFlags],
    cgroup_version: containers[0]?.freezer.version ?? 0,
  };
}
