import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Tokens, type TokenUse } from '../../../agent/transfer/tokens.ts';

const use: TokenUse = { migration: 'm', direction: 'send', peer: 'node-a' };
const denied = (why: string) =>
  expect.objectContaining({ reason: 'PermissionDenied', message: expect.stringContaining(why) });

it('is 32 random bytes, and good once', () => {
  const tokens = new Tokens<string>();
  const token = tokens.issue(use, 1_000, 'door');
  expect(Buffer.from(token, 'base64url').length).toBe(32);
  expect(tokens.issue(use, 1_000, 'other door')).not.toBe(token);
  expect(tokens.redeem(token, use)).toBe('door');
  expect(() => tokens.redeem(token, use)).toThrow(denied('used'));
});

it('stays good for its owner when somebody else shows it', () => {
  const tokens = new Tokens<string>();
  const token = tokens.issue(use, 1_000, 'door');
  expect(() => tokens.redeem(token, { ...use, peer: 'node-b' })).toThrow(denied('another node'));
  expect(() => tokens.redeem(token, { ...use, migration: 'n' })).toThrow(denied('another migration'));
  expect(() => tokens.redeem(token, { ...use, direction: 'fetch' as 'send' })).toThrow(denied('direction'));
  expect(tokens.redeem(token, use)).toBe('door');
});

it('asks for no peer where nobody has a name', () => {
  const tokens = new Tokens<string>();
  expect(tokens.redeem(tokens.issue(use, 1_000, 'door'), { ...use, peer: undefined })).toBe('door');
});

it('expires, and can be withdrawn', async () => {
  const tokens = new Tokens<string>();
  const short = tokens.issue(use, 5, 'door');
  await sleep(10);
  expect(() => tokens.redeem(short, use)).toThrow(denied('expired'));
  const withdrawn = tokens.issue(use, 1_000, 'door');
  tokens.revoke(withdrawn);
  expect(() => tokens.redeem(withdrawn, use)).toThrow(denied('withdrawn'));
});

it.each(['', 'x', 'A'.repeat(43), '\0', 'ä'.repeat(1_000)])('does not know %j', (token) => {
  const tokens = new Tokens<string>();
  tokens.issue(use, 1_000, 'door');
  expect(() => tokens.redeem(token, use)).toThrow(denied('never issued'));
});
