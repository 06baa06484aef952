/** The files of a checkpoint go: any node that has the shared directory can see to that. */
import { Fault } from '../../proto/fault.ts';
import type { Agents } from '../agents/agents.ts';

/** @param first the node that is asked before others. May be repeated. @throws Fault TransportUnavailable, or what the last one said */
export async function erase(agents: Agents, id: string, first: string, signal: AbortSignal): Promise<void> {
  const others = agents.all.filter(({ node }) => node !== first);
  const all = [...agents.all.filter(({ node }) => node === first), ...others];
  let why: Fault | undefined;
  for (const agent of all) {
    try {
      await agent.call('RemoveCheckpoint', { id }, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      why = Fault.from(error, 'AgentUnreachable');
    }
  }
  throw why ?? new Fault('TransportUnavailable', `no node could remove the files of ${id}`);
}
