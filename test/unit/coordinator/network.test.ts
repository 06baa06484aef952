/** What becomes of a pod's connections: the best that there is, or what was asked for, or no. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Circumstances, chooseNetwork } from '../../../coordinator/migration/network.ts';
import type { Plan } from '../../../coordinator/request.ts';
import { unlimitedMs } from '../../../proto/linger.ts';
import type { PreflightResponse__Output as PreflightResponse } from '../../../proto/gen/podferry/v1/PreflightResponse.ts';
import { ask, migrate, type Stage, stage, toB } from './stage.ts';

vi.setConfig({ testTimeout: 20_000 });

const can = { network_features: ['translate', 'hold', 'keep-address'] };
const stuck = { network_features: ['translate', 'hold'] };
const cannot = { network_features: ['hold'] };
const stays = 'nobody moves addresses';
const between = (source: Circumstances['source']['facts'], target: typeof source, addressStays?: string) => ({
  source: { node: 'node-a', facts: source },
  target: { node: 'node-b', facts: target },
  addressStays,
});

describe('the choice', () => {
  it.each<[string, Plan['network'], number, Circumstances, Plan['network'], RegExp, RegExp | undefined]>([
    [
      'the address, where it can come along',
      'NETWORK_UNSPECIFIED',
      1,
      between(can, can),
      'keep_address',
      /^kept, with its address$/,
      undefined,
    ],
    [
      'the address, also where nothing may linger',
      'NETWORK_UNSPECIFIED',
      0,
      between(can, can),
      'keep_address',
      /^kept/,
      undefined,
    ],
    [
      'translation, where a node cannot let it move',
      'NETWORK_UNSPECIFIED',
      1,
      between(can, stuck),
      'translate',
      /^kept: both nodes can translate, but not its address: node-b cannot let an address move/,
      undefined,
    ],
    ['the address, asked for', 'keep_address', 1, between(can, can), 'keep_address', /^$/, undefined],
    [
      'no: an address that a node cannot let move',
      'keep_address',
      1,
      between(stuck, can),
      'translate',
      /./,
      /keep-address .*node-a .*keep-address/,
    ],
    ['translation', 'NETWORK_UNSPECIFIED', 1, between(can, can, stays), 'translate', /^kept: both nodes/, undefined],
    ['not for ever', 'NETWORK_UNSPECIFIED', unlimitedMs, between(can, can, stays), 'translate', /^kept/, undefined],
    [
      'not what would be closed at once',
      'NETWORK_UNSPECIFIED',
      0,
      between(can, can, stays),
      'close',
      /^closed: /,
      undefined,
    ],
    [
      'not what the source cannot',
      'NETWORK_UNSPECIFIED',
      1,
      between(cannot, can, stays),
      'close',
      /^closed: node-a/,
      undefined,
    ],
    [
      'not what the target cannot',
      'NETWORK_UNSPECIFIED',
      1,
      between(can, cannot, stays),
      'close',
      /^closed: node-b/,
      undefined,
    ],
    [
      'not what nobody knows',
      'NETWORK_UNSPECIFIED',
      1,
      between(undefined, can, stays),
      'close',
      /^closed: node-a/,
      undefined,
    ],
    ['what is asked for', 'translate', 1, between(can, can, stays), 'translate', /^$/, undefined],
    ['close, which all can', 'close', 1, between(cannot, undefined, stays), 'close', /^$/, undefined],
    ['no: two that cannot', 'translate', 1, between(cannot, cannot, stays), 'close', /./, /translate .*node-a.*node-b/],
    [
      'no: an address that stays',
      'keep_address',
      1,
      between(can, can, stays),
      'translate',
      /./,
      /keep-address .*nobody moves/,
    ],
  ])('%s', (_what, network, connectionLingerMs, circumstances, chosen, reason, refused) => {
    const choice = chooseNetwork({ network, connectionLingerMs }, circumstances);
    expect(choice).toMatchObject({ network: chosen, network_reason: expect.stringMatching(reason) });
    if (refused === undefined) expect(choice.refusal).toBeUndefined();
    else expect(choice.refusal).toMatch(refused);
  });
});

describe('a request', () => {
  let set: Stage;
  afterEach(async () => {
    await set.close();
  });

  it('gets the best, is told why, and has half a minute for its connections', async () => {
    set = await stage();
    const { plan } = await migrate(set);
    const kept = {
      network: 'translate',
      network_reason: 'kept: both nodes can translate',
      connection_linger_ms: 30_000,
    };
    expect(plan).toMatchObject(kept);
  });

  it('is refused what cannot be, before anything is touched, and a dry run says so too', async () => {
    set = await stage();
    set.b.networkFeatures = [];
    const asked = { ...toB, network: 'translate' } as const;
    await expect(migrate(set, asked)).rejects.toMatchObject({
      reason: 'NetworkUnavailable',
      message: expect.stringContaining('node-b cannot translate'),
    });
    await expect(migrate(set, { ...toB, network: 'keep_address' })).rejects.toMatchObject({
      reason: 'NetworkUnavailable',
    });
    const { findings } = await ask<PreflightResponse>(set, 'Preflight', asked);
    expect(findings).toMatchObject([{ reason: 'NetworkUnavailable' }]);
    expect([...set.a.calls, ...set.b.calls].filter((name) => name.startsWith('Prepare'))).toEqual([]);
    expect((await migrate(set)).plan).toMatchObject({
      network: 'close',
      network_reason: expect.stringContaining('closed: node-b cannot translate'),
    });
  });

  it('takes its address along where the coordinator was told that it can, and both agents are told how', async () => {
    const addressAnnotation = 'example.org/addresses';
    set = await stage({ settings: { addressAnnotation } });
    set.a.networkFeatures = ['translate', 'keep-address'];
    set.b.networkFeatures = ['translate', 'keep-address'];
    expect((await migrate(set)).plan).toMatchObject({
      network: 'keep_address',
      network_reason: 'kept, with its address',
      address_annotation: addressAnnotation,
    });
  });

  it('that leaves the node to the coordinator gets one that can', async () => {
    set = await stage({ nodes: ['node-a', 'node-b', 'node-c'] });
    set.b.networkFeatures = [];
    const { plan } = await migrate(set, { ...toB, target_node: '', network: 'translate' });
    expect(plan?.target_node).toBe('node-c');
  });

  it.each([
    ['a network that there is not', { network: 99 as never }],
    ['connections for longer than a day', { connection_linger_ms: 86_400_001 }],
  ])('is refused %s', async (_what, more) => {
    set = await stage();
    await expect(migrate(set, { ...toB, ...more })).rejects.toMatchObject({ reason: 'InvalidArgument' });
  });
});
