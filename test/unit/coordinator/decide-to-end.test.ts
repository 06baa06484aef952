/** Decisions one after the other, with each step's result learnt: every way has an end, and the right one. */
import { describe, expect, it } from 'vitest';
import { type Decision, decide } from '../../../coordinator/migration/decide.ts';
import {
  again,
  type Answer,
  begin,
  type Facts,
  found,
  learn,
  miss,
  stop,
  untouched,
} from '../../../coordinator/migration/observe.ts';
import { type StepName, steps } from '../../../coordinator/migration/steps.ts';
import { everyFacts, why } from './every-facts.ts';

const source = (step: string) => ({ of: 'source', state: { step } }) as Answer;
const target = (step: string) => ({ of: 'target', state: { step } }) as Answer;

describe('a world that answers', () => {
  /** What each step leaves behind when it works. */
  const results: Record<StepName, (facts: Facts) => Answer> = {
    preflight: () => ({ of: 'preflight' }),
    cutOver: () => ({ of: 'cutOver' }),
    detach: () => ({ of: 'name', detached: 'yes' }),
    attach: ({ detached }) => ({ of: 'name', detached: detached === 'begun' ? 'yes' : 'no' }),
    abandon: () => ({ of: 'name', detached: 'ended' }),
    prepareTarget: () => target('Prepared'),
    createTargetPod: () => target('Waiting'),
    restore: () => target('Running'),
    follow: () => target('Running'),
    finishTarget: () => target('Finished'),
    discardTarget: () => target('Discarded'),
    observeTarget: () => target('Waiting'),
    prepareSource: () => source('Prepared'),
    copyAhead: () => source('Prepared'),
    arm: () => source('Armed'),
    freezeAndSend: () => source('Sent'),
    commit: () => source('Committed'),
    releaseSource: () => source('Released'),
    rollBackSource: () => source('RolledBackSource'),
    revoke: () => source('Sent'),
    observeSource: ({ commit }) => source(commit === 'given' ? 'Committed' : 'Sent'),
  };

  /** Follows decisions to the end; one step after the other, as they come. */
  function follow(from: Facts, failing?: StepName): { taken: StepName[]; end: Decision } {
    let facts = from;
    const taken: StepName[] = [];
    for (let i = 0; i < 60; i += 1) {
      const decision = decide(facts);
      if (decision.kind === 'end') return { taken, end: decision };
      if (decision.kind === 'stop') facts = stop(facts, why);
      if (decision.kind === 'again') facts = again(facts);
      for (const step of decision.kind === 'do' ? decision.steps : []) {
        facts = begin(facts, step);
        const first = step === failing && !taken.includes(step);
        taken.push(step);
        if (!first) facts = learn(facts, step, results[step](facts));
        else {
          const before = facts.commit === 'unasked' || step === 'commit';
          facts = miss(facts, step, steps[step].of, why);
          if (before) facts = stop(facts, why);
        }
      }
    }
    throw new Error(`no end: ${taken.slice(0, 30).join(', ')}`);
  }

  it('brings every set of facts to an end', () => {
    for (const facts of everyFacts()) expect(() => follow(facts)).not.toThrow();
  });

  it.each(Object.keys(steps) as StepName[])('undoes what it says it undoes when %s fails', (name) => {
    const { undo } = steps[name];
    const { taken, end } = follow(untouched, name);
    expect(end).toMatchObject({ kind: 'end' });
    if (!taken.includes(name) || !('by' in undo) || undo.by === 'revoke') return;
    expect(taken.slice(taken.indexOf(name))).toContain(undo.by);
    expect(end).toMatchObject({ phase: 'RolledBack', leftover: false });
  });

  it.each(Object.keys(steps) as StepName[])('moves a namesake in the end, though %s has failed once', (name) => {
    const { taken, end } = follow({ ...untouched, namesake: true }, name);
    const before = !taken.includes('detach');
    expect(end).toMatchObject({ phase: before && taken.includes(name) ? 'RolledBack' : 'Succeeded' });
  });

  it('gives a namesake up that nothing has moved in time', () => {
    const facts: Facts = { ...untouched, namesake: true, detached: 'yes', timeLeft: false, checked: true, stop: why };
    const { taken, end } = follow(facts);
    expect(taken).toEqual(['abandon']);
    expect(end).toEqual({ kind: 'end', phase: 'Failed', failure: 'ended' });
  });

  it.each<[string, Facts, string]>([
    ['prepared', found(sourceEntry('Prepared'), 'none', why), 'RolledBack'],
    ['sent', found(sourceEntry('Sent'), targetEntry('Waiting'), why), 'RolledBack'],
    ['thawed by its watchdog', found(sourceEntry('RolledBackSource'), targetEntry('Waiting'), why), 'RolledBack'],
    ['a target alone', found('none', targetEntry('Waiting'), why), 'RolledBack'],
    ['committed', found(sourceEntry('Committed'), targetEntry('Waiting'), why), 'Succeeded'],
    ['going', found(sourceEntry('Committed'), targetEntry('Going'), why), 'Succeeded'],
    ['killed, the sandbox still there', found(sourceEntry('Released'), targetEntry('Running'), why), 'Succeeded'],
    ['released', found('none', targetEntry('Running'), why), 'Succeeded'],
    ['an absent source whose target runs', found(undefined, targetEntry('Running'), why), 'Succeeded'],
    ['committed, and its target without a trace', found(sourceEntry('Committed'), 'none', why), 'Failed'],
    ['committed, and its target failed', found(sourceEntry('Committed'), targetEntry('RestoreFailed'), why), 'Failed'],
    ['thawed while its target runs', found(sourceEntry('RolledBackSource'), targetEntry('Running'), why), 'Failed'],
  ])('found %s after a restart', (_name, facts, phase) => {
    expect(follow(facts).end).toMatchObject({ phase });
  });

  it('follows memory that is still owed after a restart, and says so when it was lost', () => {
    const owing = { ...targetEntry('Running'), lacks_memory: true };
    const { taken, end } = follow(found(sourceEntry('Committed'), owing, why));
    expect(taken).toEqual(['cutOver', 'follow', 'releaseSource', 'finishTarget']);
    expect(end).toMatchObject({ phase: 'Succeeded' });
    const lost = { ...targetEntry('Running'), fault: { reason: 'MemoryLost' as const, message: 'nothing came' } };
    const other = follow(found(sourceEntry('Committed'), lost, why));
    expect(other.taken).toEqual(['cutOver', 'releaseSource', 'finishTarget']);
    expect(other.end).toMatchObject({ phase: 'Failed', failure: 'memoryLost' });
  });

  it('does not start what was revoked before the restart', () => {
    const { taken, end } = follow(found(sourceEntry('Sent'), targetEntry('RestoreFailed'), why));
    expect(taken).toEqual(['rollBackSource', 'discardTarget']);
    expect(end).toEqual({ kind: 'end', phase: 'Failed', failure: 'restoreFailed' });
  });
});

type SourceState = Exclude<Parameters<typeof found>[0], 'none' | undefined>;
type TargetState = Exclude<Parameters<typeof found>[1], 'none' | undefined>;

function sourceEntry(step: SourceState['step']): SourceState {
  return { step } as SourceState;
}

function targetEntry(step: TargetState['step']): TargetState {
  return { step } as TargetState;
}
