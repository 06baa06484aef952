import { describe, expect, it, vi } from 'vitest';
import { absentTarget } from '../../../coordinator/migration/observe.ts';
import { MigrationRecord } from '../../../coordinator/migration/record.ts';
import { makePlan, readRequest } from '../../../coordinator/request.ts';
import type { MigrateRequest__Output } from '../../../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Progress__Output as Progress } from '../../../proto/gen/podferry/v1/Progress.ts';

/** A request that leaves everything to the coordinator, as it comes out of the wire. */
const nothing: MigrateRequest__Output = {
  pod: null,
  target_node: '',
  strategy: 'STRATEGY_UNSPECIFIED',
  transport: 'TRANSPORT_UNSPECIFIED',
  timeout_ms: 0,
  freeze_timeout_ms: 0,
  network: 'NETWORK_UNSPECIFIED',
  detach: false,
};

function newRecord(): { record: MigrationRecord; pass: (ms: number) => void } {
  let now = 1_000;
  const wish = readRequest({ ...nothing, pod: { namespace: '', name: 'redis', uid: '' }, target_node: 'b' });
  const record = new MigrationRecord(
    makePlan(
      'mig-1',
      wish,
      'uid',
      { sourceNode: 'a', targetNode: 'b', targetPod: null },
      { network: 'translate', network_reason: '' },
    ),
    () => now,
  );
  return {
    record,
    pass: (ms) => {
      now += ms;
    },
  };
}

function progress(fields: Partial<Progress>): Progress {
  return {
    phase: 'PHASE_UNSPECIFIED',
    bytes_done: '0',
    bytes_total: '0',
    moment: null,
    state: null,
    connections: null,
    ...fields,
  };
}

const told = async () => await new Promise((resolve) => setImmediate(resolve));

describe('phases', () => {
  it('take the time until the next one, and those that are passed by take none', () => {
    const { record, pass } = newRecord();
    pass(5);
    record.advance('Preparing');
    pass(100);
    record.advance('Freezing');
    pass(7);
    expect(record.snapshot().phases).toEqual([
      { phase: 'Pending', started_unix_ms: 1_000, duration_ms: 5 },
      { phase: 'Preparing', started_unix_ms: 1_005, duration_ms: 100 },
      { phase: 'PreCopying', started_unix_ms: 1_105, duration_ms: 0 },
      { phase: 'Freezing', started_unix_ms: 1_105, duration_ms: 7 },
    ]);
  });

  it('never go back, nor on after the end', () => {
    const { record } = newRecord();
    record.advance('Freezing');
    record.advance('Preparing');
    expect(record.phase).toBe('Freezing');
    record.end('RolledBack', { reason: 'DumpFailed', message: 'no' });
    record.advance('Restoring');
    record.end('Failed');
    expect(record.snapshot()).toMatchObject({ phase: 'RolledBack', outcome: { reason: 'DumpFailed' } });
  });

  it('stop the clock at the end', () => {
    const { record, pass } = newRecord();
    record.setCommitted(true);
    pass(20);
    record.end('Succeeded');
    pass(1_000);
    const { phases, total_ms } = record.snapshot();
    expect(total_ms).toBe(20);
    expect(phases.find(({ phase }) => phase === 'Restoring')?.duration_ms).toBe(20);
    expect(phases.at(-1)).toMatchObject({ phase: 'Completing', duration_ms: 0 });
  });

  it('after the commit are not an agent’s to tell', () => {
    const { record } = newRecord();
    record.progress(progress({ phase: 'Completing' }));
    expect(record.phase).toBe('Pending');
  });
});

describe('bytes', () => {
  it('add up over the calls that moved some, and forecast the rest of the present one', () => {
    const { record, pass } = newRecord();
    record.progress(progress({ bytes_done: '100', bytes_total: '100' }));
    record.moved();
    record.progress(progress({ bytes_done: '0', bytes_total: '400' }));
    pass(100);
    record.progress(progress({ bytes_done: '100', bytes_total: '400' }));
    expect(record.snapshot()).toMatchObject({ bytes_done: '200', bytes_total: '500', eta_ms: 300 });
    record.moved();
    expect(record.snapshot()).toMatchObject({ bytes_done: '200', bytes_total: '200', eta_ms: -1 });
  });

  it('of a dump are taken from the state when nobody counted them', () => {
    const { record } = newRecord();
    record.progress(progress({ phase: 'Dumping' }));
    record.saw({
      migration: 'mig-1',
      step: 'Sent',
      plan: null,
      moments: [],
      fault: null,
      dumped_bytes: '77',
      sent_bytes: '0',
      checkpoint: null,
      connections: null,
    });
    record.moved();
    expect(record.snapshot().bytes_done).toBe('77');
  });

  it('have no forecast without a total', () => {
    const { record, pass } = newRecord();
    record.progress(progress({ bytes_done: '1' }));
    pass(100);
    record.progress(progress({ bytes_done: '100' }));
    expect(record.snapshot().eta_ms).toBe(-1);
  });
});

it('measures the freeze between the moments of both nodes', () => {
  const { record } = newRecord();
  const state = { migration: 'mig-1', plan: null, fault: null };
  record.saw({
    ...state,
    step: 'Sent',
    dumped_bytes: '0',
    sent_bytes: '0',
    checkpoint: null,
    connections: null,
    moments: [{ name: 'frozen', unix_ms: 10.5 }],
  });
  expect(record.snapshot().freeze_ms).toBe(0);
  const none = {
    data_address: '',
    token: '',
    pod_ips: [],
    pod_mac: '',
    pod_ip: '10.0.0.1',
    sandbox_id: 's',
    images: '',
    lacks_memory: false,
  };
  record.saw({
    ...state,
    ...none,
    step: 'Running',
    moments: [
      { name: 'running', unix_ms: 110.75 },
      { name: 'go', unix_ms: 60 },
    ],
  });
  // Said again, as agents do.
  record.saw({
    ...state,
    step: 'Committed',
    dumped_bytes: '0',
    sent_bytes: '0',
    checkpoint: null,
    connections: null,
    moments: [{ name: 'frozen', unix_ms: 99 }],
  });
  const migration = record.snapshot();
  expect(migration).toMatchObject({ freeze_ms: 100.25, target_ip: '10.0.0.1', target_sandbox_id: 's' });
  expect(migration.moments.map(({ name }) => name)).toEqual(['frozen', 'go', 'running']);
});

it('keeps its own moments beside those of the nodes, the first of each name, and the freeze is the nodes’', () => {
  const { record, pass } = newRecord();
  record.mark('pod-created');
  const state = { migration: 'mig-1', plan: null, fault: null };
  const sent = { dumped_bytes: '0', sent_bytes: '0', checkpoint: null, connections: null };
  record.saw({ ...state, ...sent, step: 'Sent', moments: [{ name: 'frozen', unix_ms: 1_001 }] });
  pass(50);
  record.saw({ ...absentTarget('mig-1'), step: 'Running', moments: [{ name: 'running', unix_ms: 1_040 }] });
  record.mark('pod-created');
  record.mark('pod-ready');
  const { moments, freeze_ms } = record.snapshot();
  expect(moments).toEqual([
    { name: 'pod-created', unix_ms: 1_000 },
    { name: 'frozen', unix_ms: 1_001 },
    { name: 'running', unix_ms: 1_040 },
    { name: 'pod-ready', unix_ms: 1_050 },
  ]);
  expect(freeze_ms).toBe(39);
});

it('does not believe two clocks that are too far apart', () => {
  const { record, pass } = newRecord();
  const state = { migration: 'mig-1', plan: null, fault: null };
  record.progress(progress({ phase: 'Dumping' }));
  pass(80);
  record.saw({
    ...state,
    step: 'Sent',
    dumped_bytes: '0',
    sent_bytes: '0',
    checkpoint: null,
    connections: null,
    moments: [{ name: 'frozen', unix_ms: 5_000 }],
  });
  record.saw({ ...absentTarget('mig-1'), step: 'Running', moments: [{ name: 'running', unix_ms: 900 }] });
  expect(record.snapshot().freeze_ms).toBe(80);
});

describe('listeners', () => {
  it('hear later, once for all that happened together, and of every note', async () => {
    const { record } = newRecord();
    const heard: string[] = [];
    record.listen(({ phase }, message) => heard.push(`${phase} ${message}`));
    record.advance('Preparing');
    record.advance('PreCopying');
    expect(heard).toEqual([]);
    await told();
    expect(heard).toEqual(['PreCopying ']);
    record.note('one');
    record.note('two');
    await told();
    expect(heard.slice(1)).toEqual(['PreCopying one', 'PreCopying two']);
  });

  it('hear what became known after the end, once', async () => {
    const { record } = newRecord();
    record.advance('Preparing');
    record.end('Failed', { reason: 'AgentUnreachable', message: 'not known' });
    record.amend('it runs');
    record.amend('it runs');
    expect(record.snapshot().outcome?.message).toBe('not known; since then: it runs');
  });
});

describe('connections', () => {
  const now = { kept: 1, forwarded: 0, bytes: '10', oldest_unix_ms: 5 };

  it('are told when they change, and at most once a second', async () => {
    const { record, pass } = newRecord();
    const seen: number[] = [];
    record.listen(({ connections }) => seen.push(connections?.kept ?? -1));
    record.connections(now);
    await vi.waitFor(() => expect(seen).toEqual([1]));
    for (const kept of [2, 3, 4]) {
      pass(100);
      record.connections({ ...now, kept });
      await told();
    }
    // The one in a second, with the last that there was.
    await vi.waitFor(() => expect(seen).toEqual([1, 4]), 5_000);
    pass(5_000);
    record.connections({ ...now, kept: 4 });
    await told();
    expect(seen).toEqual([1, 4]);
  });

  it('are none when it has succeeded, and what went through them is still known', () => {
    const { record } = newRecord();
    record.connections(now);
    record.end('Succeeded');
    expect(record.snapshot().connections).toEqual({ kept: 0, forwarded: 0, bytes: '10', oldest_unix_ms: 0 });
  });
});
