/** What clients of a Service miss while its pod moves, against what they miss while it is made anew. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1PodSpec } from '@kubernetes/client-node';
import { afterEach, describe, expect, it } from 'vitest';
import type { Report } from '../../coordinator/probe/report.ts';
import { open } from '../lab/index.ts';
import { runKubectl } from '../lab/kubernetes/kubectl.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { expectNothingLeft } from './leftovers.ts';
import { clusterIpOf, container, deployment, podSpec, service, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
const cli = join(import.meta.dirname, '../../coordinator/cli/kubectl-probe.ts');

afterEach(async () => {
  await workloads.remove();
  await expectNothingLeft(lab);
});

/** `kubectl probe`, where the Service can be reached. */
async function probe(url: string, span: string): Promise<{ code: number; report: Report }> {
  const { code, stdout } = await lab.exec('control', [process.execPath, cli, url, '--for', span, '-o', 'json']);
  return { code, report: JSON.parse(stdout) as Report };
}

const redis = podSpec([container('redis')]);
const web = podSpec([container('counter', { command: ['httpd', '-f', '-p', '80', '-h', '/data'] })]);

/** Resolves when a Service of the app answers at its address. */
async function serve(app: string, spec: V1PodSpec, port: number, url: (address: string) => string): Promise<string> {
  await workloads.make(deployment(app, spec), service(app, port));
  await thePodOf(lab, app);
  const asked = url(await clusterIpOf(lab, app));
  await expect.poll(async () => (await probe(asked, '100ms')).code, { timeout: 20_000 }).toBe(0);
  return asked;
}

describe('kubectl migrate --probe', () => {
  it.each([
    ['redis', redis, 6379, (address: string) => `redis://${address}`],
    ['redis', redis, 6379, (address: string) => `tcp://${address}:6379`],
    ['web', web, 80, (address: string) => `http://${address}/from-image`],
  ])('of %s, way %#', async (app, spec, port, url) => {
    const asked = await serve(app, spec, port, url);
    const { name, node } = await thePodOf(lab, app);
    const ended = await kubectlMigrate(lab, name, '--to', otherThan(node), '--probe', asked);
    expect(ended.code, ended.stderr).toBe(0);
    const { probe: report, freezeMs, totalMs } = ended.migration as typeof ended.migration & { probe: Report };
    // Of web, too, whose backlog is nine: those that were held do not come all at once.
    expect(report).toMatchObject({ url: asked, errors: { timeout: 0, unreachable: 0, rejected: 0 } });
    expect(report.attempts).toBeGreaterThan(100);
    expect(report.succeeded).toBeGreaterThan(report.attempts / 2);
    expect(report.longestGapMs).toBeGreaterThan(0);
    expect(report.longestGapMs).toBeLessThan(5_000);
    expect(freezeMs).toBeLessThan(totalMs ?? 0);
    const { createdMs, readyMs, accessibleMs } = report.pod ?? {};
    expect(createdMs).toBeGreaterThan(0);
    expect(readyMs).toBeGreaterThanOrEqual(createdMs ?? Number.NaN);
    expect(accessibleMs).toBeGreaterThan(0);
    expect(accessibleMs).toBeLessThan((totalMs ?? 0) + 1_000);
  });

  it('misses less than a client of a pod that is deleted and made anew', async () => {
    const asked = await serve('redis', redis, 6379, (address) => `redis://${address}`);
    const { name, node } = await thePodOf(lab, 'redis');
    const moved = await kubectlMigrate(lab, name, '--to', otherThan(node), '--probe', asked);
    expect(moved.code, moved.stderr).toBe(0);
    const { probe: live } = moved.migration as typeof moved.migration & { probe: Report };

    const probing = probe(asked, '8s');
    await sleep(1_500);
    await runKubectl(lab, ['delete', 'pod', (await thePodOf(lab, 'redis')).name, '--wait=false']);
    const { code, report: anew } = await probing;
    expect(code).toBe(1);
    expect(Object.values(anew.errors).reduce((sum, each) => sum + each, 0)).toBeGreaterThan(0);
    expect(anew).not.toHaveProperty('pod');
    // It has come again, so that there is an end to compare.
    expect(anew.gapEndedUnixMs).not.toBeNull();
    expect(live.longestGapMs).toBeLessThan(anew.longestGapMs);
  });
});
