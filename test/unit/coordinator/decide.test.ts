/** What must never be decided, whatever is known, and what is decided on the way. */
import { describe, expect, it } from 'vitest';
import { type Decision, decide } from '../../../coordinator/migration/decide.ts';
import { type Facts, untouched } from '../../../coordinator/migration/observe.ts';
import { type StepName, steps } from '../../../coordinator/migration/steps.ts';
import { everyFacts, why } from './every-facts.ts';

const stepsOf = (decision: Decision): readonly StepName[] => (decision.kind === 'do' ? decision.steps : []);
const all = [...everyFacts()];

/** Shows the facts that it goes wrong for: a table of tens of thousands of rows has no names. */
function never(what: string, wrong: (facts: Facts, steps: readonly StepName[], decision: Decision) => boolean): void {
  it(what, () => {
    const breaches = all.filter((facts) => {
      const decision = decide(facts);
      return wrong(facts, stepsOf(decision), decision);
    });
    expect(breaches).toEqual([]);
  });
}

describe('never', () => {
  never(
    'restores without a commit that is known of',
    ({ source, commit, target }, steps) =>
      steps.includes('restore') && (commit !== 'given' || (source !== 'Committed' && target !== 'Going')),
  );
  never(
    'thaws a source that is known to have committed',
    ({ source, commit }, steps) =>
      steps.includes('rollBackSource') &&
      (commit === 'given' || source === 'Committed' || source === 'Killed' || source === 'Released'),
  );
  never(
    'thaws a source while the fate of its commit is unknown',
    ({ source, commit }, steps) => steps.includes('rollBackSource') && commit === 'asked' && source === 'Unknown',
  );
  never(
    'revokes without proof that nothing runs at the target',
    ({ target }, steps) => steps.includes('revoke') && target !== 'RestoreFailed' && target !== 'Discarded',
  );
  never(
    'kills a source whose target is not known to run',
    ({ target, commit }, steps) =>
      steps.includes('releaseSource') && (commit !== 'given' || (target !== 'Running' && target !== 'Finished')),
  );
  never(
    'kills a source, or finishes a target, while memory is owed',
    ({ memory }, steps) => memory === 'owed' && (steps.includes('releaseSource') || steps.includes('finishTarget')),
  );
  never(
    'says Succeeded where memory is owed or lost',
    ({ memory }, _steps, decision) => memory !== 'whole' && decision.kind === 'end' && decision.phase === 'Succeeded',
  );
  never(
    'discards a target that runs or may run',
    ({ target, commit }, steps) =>
      steps.includes('discardTarget') &&
      (target === 'Running' ||
        target === 'Going' ||
        target === 'Finished' ||
        (target === 'Unknown' && commit === 'given')),
  );
  never(
    'discards a target before the commit while its source may still commit',
    ({ source, commit }, steps) =>
      steps.includes('discardTarget') && commit === 'asked' && !['Absent', 'RolledBackSource'].includes(source),
  );
  never(
    'finishes a target whose source is not gone',
    ({ source, cutOver }, steps) =>
      steps.includes('finishTarget') && (!cutOver || (source !== 'Released' && source !== 'Absent')),
  );
  never(
    'goes ahead when it was stopped',
    ({ stop }, steps) =>
      stop !== undefined &&
      steps.some((step) =>
        [
          'preflight',
          'prepareTarget',
          'prepareSource',
          'createTargetPod',
          'copyAhead',
          'arm',
          'freezeAndSend',
          'commit',
        ].includes(step),
      ),
  );
  never('stops what is committed', ({ commit }, _steps, decision) => commit === 'given' && decision.kind === 'stop');
  never(
    'says Succeeded unless target and release are done',
    ({ source, target }, _steps, decision) =>
      decision.kind === 'end' &&
      decision.phase === 'Succeeded' &&
      (target !== 'Finished' || (source !== 'Released' && source !== 'Absent')),
  );
  never(
    'says RolledBack unless the source is confirmed',
    ({ source, commit }, _steps, decision) =>
      decision.kind === 'end' &&
      decision.phase === 'RolledBack' &&
      (commit === 'given' || (source !== 'Absent' && source !== 'RolledBackSource')),
  );
  never(
    'acts on a side that it has no patience with',
    ({ patience, stop, commit }, steps) =>
      (stop !== undefined || commit !== 'unasked') &&
      steps.some(
        (step) =>
          (steps.length > 0 && sideOf(step) === 'source' && !patience.source) ||
          (sideOf(step) === 'target' && !patience.target) ||
          (sideOf(step) === 'name' && !patience.name),
      ),
  );
  never(
    'says RolledBack of a source that may have no object',
    ({ detached }, _steps, decision) => decision.kind === 'end' && decision.phase === 'RolledBack' && detached !== 'no',
  );
  never(
    'makes a target of the source’s name before that is free',
    ({ namesake, held }, steps) => namesake && !held && steps.includes('createTargetPod'),
  );
  never(
    'takes a source’s object away before that source is prepared, or when there is no need to',
    ({ namesake, source }, steps) => steps.includes('detach') && (!namesake || source !== 'Prepared'),
  );
  never(
    'begins anew while something is left at the source, or gives up a pod as long as there is time',
    ({ source, detached, timeLeft, commit }, steps, { kind }) =>
      (kind === 'again' || steps.includes('abandon')) &&
      (!['Absent', 'RolledBackSource'].includes(source) ||
        detached !== 'yes' ||
        commit === 'given' ||
        timeLeft !== (kind === 'again')),
  );
});

function sideOf(step: StepName): 'source' | 'target' | 'name' {
  const { of } = steps[step];
  return of === 'source' || of === 'name' ? of : 'target';
}

describe('the course', () => {
  const waiting: Facts = { ...untouched, checked: true, target: 'Waiting' };
  const committed: Facts = { ...waiting, source: 'Committed', copied: true, commit: 'given' };
  it.each<[string, Facts, StepName[]]>([
    ['nothing known', untouched, ['preflight']],
    ['checked', { ...untouched, checked: true }, ['prepareTarget']],
    ['target prepared', { ...waiting, target: 'Prepared' }, ['prepareSource', 'createTargetPod']],
    ['a namesake’s target prepared', { ...waiting, target: 'Prepared', namesake: true }, ['prepareSource']],
    [
      'a namesake’s source prepared',
      { ...waiting, target: 'Prepared', source: 'Prepared', namesake: true },
      ['detach'],
    ],
    [
      'its object gone',
      { ...waiting, target: 'Prepared', source: 'Prepared', namesake: true, detached: 'yes', held: true },
      ['createTargetPod'],
    ],
    [
      'stopped when its object may be gone',
      { ...waiting, source: 'RolledBackSource', target: 'Discarded', stop: why, namesake: true, detached: 'begun' },
      ['attach'],
    ],
    ['both there', { ...waiting, source: 'Prepared' }, ['copyAhead']],
    ['copied', { ...waiting, source: 'Prepared', copied: true }, ['arm']],
    ['armed', { ...waiting, source: 'Armed', copied: true }, ['freezeAndSend']],
    ['sent', { ...waiting, source: 'Sent', copied: true }, ['commit']],
    ['committed', committed, ['restore']],
    ['running', { ...committed, target: 'Running' }, ['cutOver']],
    ['cut over', { ...committed, target: 'Running', cutOver: true }, ['releaseSource']],
    ['released', { ...committed, target: 'Running', cutOver: true, source: 'Released' }, ['finishTarget']],
    ['stopped in the frozen time', { ...waiting, source: 'Sent', copied: true, stop: why }, ['rollBackSource']],
    ['rolled back', { ...waiting, source: 'RolledBackSource', stop: why }, ['discardTarget']],
    ['a commit without an answer', { ...waiting, source: 'Unknown', commit: 'asked', stop: why }, ['observeSource']],
    ['a restore without an answer', { ...committed, target: 'Unknown' }, ['observeTarget']],
    ['a restore that failed', { ...committed, target: 'RestoreFailed', restoresFailed: 1 }, ['restore']],
    ['two restores that failed', { ...committed, target: 'RestoreFailed', restoresFailed: 2 }, ['revoke']],
    ['two that were refused', { ...committed, restoresFailed: 2 }, ['discardTarget']],
    [
      'a revoke without an answer',
      { ...committed, source: 'Unknown', target: 'RestoreFailed', restoresFailed: 2 },
      ['observeSource'],
    ],
    [
      'killed by an earlier coordinator',
      { ...committed, source: 'Killed', target: 'Running', cutOver: true },
      ['releaseSource'],
    ],
  ])('%s', (_name, facts, expected) => {
    expect(stepsOf(decide(facts))).toEqual(expected);
  });
});
