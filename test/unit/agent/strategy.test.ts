import { expect, it } from 'vitest';
import { preflightStrategy } from '../../../agent/preflight/strategy.ts';

const able = { node: 'node-a', criuFeatures: ['uffd-noncoop'] };
const wish = { strategy: 'post_copy', transport: 'stream' } as const;

it('has nothing against post-copy of one container, over a stream, where userfaultfd tells its events', () => {
  expect(preflightStrategy(wish, 1, able)).toEqual([]);
});

it('has nothing against other strategies, whatever a node has', () => {
  const how = { strategy: 'stop_and_copy', transport: 'nfs' } as const;
  expect(preflightStrategy(how, 3, { ...able, criuFeatures: [] })).toEqual([]);
});

it('says every reason against post-copy at once', () => {
  const findings = preflightStrategy({ ...wish, transport: 'nfs' }, 2, { ...able, criuFeatures: ['lazy_pages'] });
  expect(findings.map(({ reason }) => reason)).toEqual(Array(3).fill('StrategyUnavailable'));
  expect(findings.map(({ message }) => message).join('\n')).toMatch(
    /node-a has it not.*transport stream.*this one has 2/s,
  );
});
