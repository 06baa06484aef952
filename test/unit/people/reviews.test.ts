/** Reviews that do not come, or say less than they should, from a stand-in of an API server; see api-server.ts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Reviews } from '../../../coordinator/people/reviews.ts';
import { denied, toListNodes, toMigrations } from '../../../coordinator/people/rights.ts';
import { ApiServer, json } from '../coordinator/api-server.ts';

const token = 'header.payload.signature';
const user = { username: 'system:serviceaccount:a:anna', uid: 'u', groups: ['g'], extra: { e: ['1'] } };
let server: ApiServer;
const open = (audience?: string) => new Reviews(server.config(), audience, new AbortController().signal);

beforeEach(async () => {
  server = new ApiServer();
  await server.start();
});
afterEach(async () => await server.stop());

describe('a token', () => {
  it('is asked for once, and its user is whom rights are asked of', async () => {
    const bodies: unknown[] = [];
    server.answer = ({ url, body }, response) => {
      bodies.push((JSON.parse(body) as { spec: unknown }).spec);
      const status = url?.endsWith('tokenreviews') ? { authenticated: true, user } : { allowed: true };
      json(response, 201, { status });
    };
    const reviews = open();
    const anna = await reviews.personOf(token);
    expect(anna.name).toBe(user.username);
    expect(await reviews.personOf(token)).toEqual(anna);
    expect(await reviews.may(anna, toMigrations('create', 'a'))).toBe(true);
    expect(await reviews.may(anna, toMigrations('create', 'a'))).toBe(true);
    expect(await reviews.may(anna, toListNodes)).toBe(true);
    const { username, ...more } = user;
    const attributes = { verb: 'create', group: 'podferry.dev', resource: 'podmigrations', namespace: 'a' };
    expect(bodies).toEqual([
      { token },
      { user: username, ...more, resourceAttributes: attributes },
      { user: username, ...more, resourceAttributes: { verb: 'list', group: '', resource: 'nodes' } },
    ]);
    expect(JSON.stringify(anna)).not.toContain(token);
  });

  it.each([
    ['nobody’s', { authenticated: false, error: 'it is expired' }, undefined, /expired/],
    ['of a user without a name', { authenticated: true, user: {} }, undefined, /knows nobody/],
    ['for somebody else', { authenticated: true, user, audiences: ['vault'] }, 'podferry', /not for podferry/],
    ['of an API server that knows no audiences', { authenticated: true, user }, 'podferry', /not for podferry/],
  ])('that is %s', async (_what, status, audience, message) => {
    server.answer = (_request, response) => json(response, 201, { status });
    const refusal = open(audience).personOf(token);
    await expect(refusal).rejects.toMatchObject({ reason: 'Unauthenticated' });
    await expect(refusal).rejects.toThrow(message);
    await expect(refusal).rejects.not.toThrow(token);
  });

  it('for this audience', async () => {
    server.answer = (_request, response) =>
      json(response, 201, { status: { authenticated: true, user, audiences: ['podferry'] } });
    expect(await open('podferry').personOf(token)).toMatchObject({ name: user.username });
  });
});

describe('an API server', () => {
  it('that does not let the coordinator ask: that is nobody else’s fault', async () => {
    server.answer = (_request, response) => json(response, 403, { message: 'forbidden' });
    const refusal = open().personOf(token);
    await expect(refusal).rejects.toMatchObject({ reason: 'Internal' });
    await expect(refusal).rejects.toThrow(/coordinator-role.yaml/);
  });

  it('that does not answer: nobody is let in, and it is asked again', async () => {
    const reviews = open();
    await server.stop();
    await expect(reviews.personOf(token)).rejects.toMatchObject({ reason: 'AgentUnreachable' });
    await server.start();
    server.answer = (_request, response) => json(response, 201, { status: { authenticated: true, user } });
    expect(await reviews.personOf(token)).toMatchObject({ name: user.username });
  });
});

it.each([
  [
    toMigrations('create', 'shop'),
    /^anna may not create podmigrations.podferry.dev in namespace shop: .*podferry-edit .*RoleBinding in shop$/,
  ],
  [
    toMigrations('list', undefined),
    /^anna may not list podmigrations.podferry.dev in all of the cluster: .*podferry-view/,
  ],
  [toListNodes, /^anna may not list nodes in all of the cluster: .*ClusterRoleBinding$/],
])('says who lacks what, and how to get it: %j', (right, message) => {
  const fault = denied('anna', right);
  expect(fault.reason).toBe('PermissionDenied');
  expect(fault.message).toMatch(message);
});
