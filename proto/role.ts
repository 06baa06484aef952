/** What a certificate's names allow. The only place that reads them. */
import type { PeerCertificate } from 'node:tls';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { Fault } from './fault.ts';
import type { Identity } from './identity.ts';

export type Role = { kind: 'agent'; node: string } | { kind: 'coordinator' } | { kind: 'client'; name?: string };

export const coordinatorName = 'coordinator.podferry';

export function agentName(node: string): string {
  return `${node}.agent.podferry`;
}

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const subdomain = `${label}(?:\\.${label})*`;
const agent = new RegExp(`^(${subdomain})\\.agent\\.podferry$`);
const client = new RegExp(`^(?:(${subdomain})\\.)?client\\.podferry$`);

/**
 * @param names subject alternative names as Node writes them: "DNS:one, DNS:two"
 * @returns undefined when there is no identity among them, or more than one: then nobody can say who it is
 */
export function roleOfNames(names: string | undefined): Role | undefined {
  const roles = dnsNames(names).flatMap((name) => roleOfName(name) ?? []);
  return roles.length === 1 ? roles[0] : undefined;
}

/** Node quotes an entry that holds a separator; no name of ours needs that, so such a certificate has no names. */
function dnsNames(names: string | undefined): string[] {
  if (names === undefined || names.includes('"')) return [];
  return names.split(', ').flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4)] : []));
}

function roleOfName(name: string): Role | undefined {
  if (name === coordinatorName) return { kind: 'coordinator' };
  const node = agent.exec(name)?.[1];
  if (node !== undefined) return { kind: 'agent', node };
  const person = client.exec(name);
  if (person === null) return undefined;
  return person[1] === undefined ? { kind: 'client' } : { kind: 'client', name: person[1] };
}

/** For node:tls' `checkServerIdentity`: exactly this name; wildcards, common names and addresses do not count. */
export function mustBe(
  expected: string,
  { subjectaltname }: Pick<PeerCertificate, 'subjectaltname'>,
): Fault | undefined {
  if (dnsNames(subjectaltname).includes(expected)) return undefined;
  const names = subjectaltname ?? 'nobody';
  return new Fault('PermissionDenied', `the server must be ${expected}, but its certificate names ${names}`);
}

/** Of a verified peer: node:tls gives an empty object when there is no certificate. */
export function roleOfCertificate(peer: Pick<PeerCertificate, 'subjectaltname'> | undefined): Role | undefined {
  return roleOfNames(peer?.subjectaltname);
}

type Call = Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext' | 'getPeer'>;

export function roleOfCall(call: Call): Role | undefined {
  return roleOfCertificate(call.getAuthContext().sslPeerCertificate);
}

/**
 * Lets a call pass only when its certificate has one of these kinds. In plaintext everybody passes.
 * @returns who calls; undefined in plaintext
 * @throws Fault Unauthenticated without a certificate, PermissionDenied with the wrong one
 */
export function requireRole(
  call: Call,
  identity: Pick<Identity, 'role'>,
  ...kinds: readonly [Role['kind'], ...Role['kind'][]]
): Role | undefined {
  if (identity.role === undefined) return undefined;
  const certificate = call.getAuthContext().sslPeerCertificate;
  const needed = `a certificate of ${kinds.join(' or ')}`;
  if (certificate === undefined) {
    throw new Fault('Unauthenticated', `${call.getPeer()} showed no certificate: this call needs ${needed}`);
  }
  const role = roleOfCertificate(certificate);
  if (role !== undefined && kinds.includes(role.kind)) return role;
  const names = certificate.subjectaltname ?? 'nobody';
  throw new Fault('PermissionDenied', `${call.getPeer()} is ${names}: this call needs ${needed}`);
}
