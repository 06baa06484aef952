/** A Redis of a given size, in a pod of the lab. */
import { type Lab, type NodeName, type RunningPod, runPod } from '../lab/index.ts';

/** Bytes that an empty redis-server has resident, and what a key of 1,000 bytes costs; of 15 MB 4 are the program. */
const emptyMb = 4;
const keysPerMb = 900;

export function keysFor(sizeMb: number): number {
  return Math.max(1, Math.round((sizeMb - emptyMb) * keysPerMb));
}

export async function runRedis(
  lab: Lab,
  node: NodeName,
  name: string,
  handler: string,
  sizeMb: number,
): Promise<RunningPod> {
  const pod = await runPod(lab, node, { name, image: 'redis', handler });
  await fill(lab, node, pod.ip, sizeMb);
  return pod;
}

/** Waits for Redis to answer, and fills it. */
export async function fill(lab: Lab, node: NodeName, host: string, sizeMb: number, port = 6379): Promise<void> {
  const cli = `redis-cli -h ${host} -p ${port}`;
  const script = `until [ "$(${cli} ping 2>/dev/null)" = PONG ]; do sleep 0.05; done; ${cli} debug populate ${keysFor(sizeMb)} key 1000`;
  const { stdout } = await lab.exec(node, ['timeout', '60', 'sh', '-c', script]);
  if (stdout.trim() !== 'OK') throw new Error(`Redis at ${host} on ${node} could not be filled: ${stdout.trim()}`);
}
