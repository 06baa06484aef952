/** What an agent's journal holds of a checkpoint or a copy that nobody is at: a coordinator that has gone began it. */
import { Fault } from '../../proto/fault.ts';
import { unlessGone } from '../agents/agent.ts';
import { removePod } from '../cluster/kubernetes/target-start.ts';
import type { TargetState } from '../migration/observe.ts';
import type { Plan } from '../request.ts';
import { insist, isSilence } from './course.ts';
import type { World } from './world.ts';

/** Returns when it is under way. @param target as its journal has it; undefined where that is not known or not there */
export function takeUp(plan: Plan, target: TargetState | undefined, world: World): void {
  const { active, log } = world;
  // Checked by the agent when it took it.
  const isCheckpoint = plan.target_node === '';
  log.info({ migration: plan.id, target: target?.step }, 'half a migration, found in a journal, is taken up');
  active.begin(plan.id, async ({ halt, at }) => {
    at(isCheckpoint ? plan.source_node : plan.target_node);
    const work = isCheckpoint ? rollBack(plan, world, halt) : target && bringToEnd(plan, target, world, halt);
    await work?.catch((error: unknown) => log.error({ migration: plan.id, err: error }, 'left as it is'));
  });
}

/** Its pod runs on. What it has written belongs to its object, which says whether that is whole. */
async function rollBack({ id, source_node }: Plan, { agents, patience }: World, signal: AbortSignal): Promise<void> {
  const ask = async () =>
    await agents.get(source_node).call('RollBackSource', { migration: id }, signal).catch(unlessGone);
  await insist(ask, patience, patience.rollBackMs, signal);
}

/** One that has its go is finished, any other one is taken back. */
async function bringToEnd(plan: Plan, { step }: TargetState, world: World, signal: AbortSignal): Promise<void> {
  const { kubernetes, agents, patience } = world;
  const agent = agents.get(plan.target_node);
  const migration = plan.id;
  const restore = async () => await agent.call('Restore', { migration }, signal);
  const known = step === 'Going' ? await insist(restore, patience, patience.forwardMs, signal, isSilence) : { step };
  if (known.step === 'Running') {
    const finish = async () => await agent.call('FinishTarget', { migration }, signal).catch(unlessGone);
    await insist(finish, patience, patience.forwardMs, signal);
    return;
  }
  if (known.step === 'Going') throw new Fault('RestoreFailed', `whether ${migration} runs is not known`);
  const remove = async () => await removePod(kubernetes, plan, agent, false, signal).catch(unlessGone);
  await insist(remove, patience, patience.rollBackMs, signal);
}
