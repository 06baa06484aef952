/** Who calls, by what they show: a certificate of ours, which may ask for anything, or a token of Kubernetes. */
import type { Metadata } from '@grpc/grpc-js';
import { Fault } from '../../proto/fault.ts';
import { type Identity, requireRole, type Role } from '../../proto/identity.ts';
import type { Reviews } from './reviews.ts';
import { denied, type Right } from './rights.ts';

export interface Caller {
  /** Undefined: nobody knows, in plaintext. */
  readonly name: string | undefined;
  may(right: Right): Promise<boolean>;
  /** @throws Fault PermissionDenied */
  need(right: Right): Promise<void>;
}

export type Call = Parameters<typeof requireRole>[0] & { metadata: Metadata };

/**
 * @param reviews undefined: there is no Kubernetes that could know a token
 * @throws Fault Unauthenticated, or PermissionDenied with a certificate that may not do this
 */
export async function callerOf(
  call: Call,
  identity: Pick<Identity, 'role'>,
  reviews: Pick<Reviews, 'personOf' | 'may'> | undefined,
): Promise<Caller> {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (reviews === undefined || identity.role === undefined || certificate !== undefined) {
    const role = requireRole(call, identity, 'client', 'coordinator');
    return { name: role === undefined ? undefined : nameOf(role), may: async () => true, need: async () => {} };
  }
  const person = await reviews.personOf(tokenOf(call, 'a certificate of client, or a token of Kubernetes'));
  return {
    name: person.name,
    may: async (right) => await reviews.may(person, right),
    async need(right) {
      if (!(await reviews.may(person, right))) throw denied(person.name, right);
    },
  };
}

/** RFC 6750. */
const bearer = /^bearer ([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * @param what this call needs, in words
 * @throws Fault Unauthenticated
 */
export function tokenOf(call: Pick<Call, 'metadata' | 'getPeer'>, what: string): string {
  const [first, second] = call.metadata.get('authorization');
  const needed = `this call needs ${what} (authorization: Bearer TOKEN)`;
  if (first === undefined) throw new Fault('Unauthenticated', `${call.getPeer()} showed nothing: ${needed}`);
  const token = bearer.exec(String(first))?.[1];
  if (second !== undefined || token === undefined)
    throw new Fault('Unauthenticated', `${call.getPeer()} showed something else: ${needed}`);
  return token;
}

function nameOf(role: Role): string {
  return role.kind === 'client' ? (role.name ?? role.kind) : role.kind;
}
