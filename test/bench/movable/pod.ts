/** A pod made through CRI, back and forth. Its clients are outside of both nodes, and know its first address alone. */
import { otherThan } from '../../integration/migrate.ts';
import { type Lab, type NodeName, removePod } from '../../lab/index.ts';
import { fill, runRedis } from '../redis.ts';
import { type Movable, moveTo } from './movable.ts';

export async function pod(lab: Lab, sizeMb: number, connectionLinger: string): Promise<Movable> {
  const name = 'redis';
  let node: NodeName = 'node-a';
  let { podId, ip } = await runRedis(lab, node, name, 'podferry', sizeMb);
  return {
    workload: 'pod',
    ways: ['podferry'],
    async find() {
      // What the clients of earlier moves have written would make each move longer than the one before.
      await lab.run(node, ['redis-cli', '-h', ip, 'flushall']);
      await fill(lab, node, ip, sizeMb);
      return { address: ip, place: 'control' };
    },
    async leave() {
      const to = otherThan(node);
      const migration = await moveTo(lab, name, to, connectionLinger);
      ({ targetIp: ip, targetSandboxId: podId } = migration);
      node = to;
      return { address: ip, migration };
    },
    async remove() {
      await removePod(lab, node, podId);
    },
  };
}
