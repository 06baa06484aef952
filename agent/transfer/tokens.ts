/** Tokens that let one connection in: 32 random bytes, good once, for one migration, direction and peer, for a while. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Fault } from '../../proto/fault.ts';

export interface TokenUse {
  migration: string;
  /** What the peer may do; only "send" to us until post-copy comes. */
  direction: 'send';
  /** Node in the peer's certificate; undefined in plaintext, where nobody can tell. */
  peer: string | undefined;
}

interface Ticket<T> extends TokenUse {
  digest: Buffer;
  /** On performance.now(), which no clock change moves. */
  expires: number;
  used: boolean;
  grants: T;
}

/** For how long a token that is used or expired is still called that, rather than unknown. In milliseconds. */
const rememberMs = 600_000;

export class Tokens<T> {
  #tickets: Ticket<T>[] = [];

  /**
   * @param validMs how long it waits, in milliseconds
   * @param grants what redeem() gives for it
   */
  issue(use: TokenUse, validMs: number, grants: T): string {
    const now = performance.now();
    this.#tickets = this.#tickets.filter(({ expires }) => expires + rememberMs > now);
    const token = randomBytes(32).toString('base64url');
    this.#tickets.push({ ...use, digest: digestOf(token), expires: now + validMs, used: false, grants });
    return token;
  }

  /**
   * A token that is right but in the wrong hands stays good: whoever stole it must not be able to stop its owner.
   * @throws Fault PermissionDenied, and why
   */
  redeem(token: string, use: TokenUse): T {
    const digest = digestOf(token);
    let found: Ticket<T> | undefined;
    // All are compared, always: how long it takes says nothing.
    for (const ticket of this.#tickets) if (timingSafeEqual(ticket.digest, digest)) found = ticket;
    if (found === undefined) throw denied(use, 'it was never issued here, or this agent has been restarted since');
    if (use.peer !== undefined && found.peer !== use.peer) throw denied(use, 'it belongs to another node');
    if (found.migration !== use.migration) throw denied(use, 'it belongs to another migration');
    if (found.direction !== use.direction) throw denied(use, 'it is for the other direction');
    if (found.used) throw denied(use, 'it has been used or withdrawn');
    if (found.expires <= performance.now()) throw denied(use, 'it has expired');
    found.used = true;
    return found.grants;
  }

  revoke(token: string): void {
    const digest = digestOf(token);
    for (const ticket of this.#tickets) if (timingSafeEqual(ticket.digest, digest)) ticket.used = true;
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function denied({ migration, peer }: TokenUse, why: string): Fault {
  const who = peer === undefined ? 'peer' : `node ${peer}`;
  const then = 'prepare the target again for a new one';
  return new Fault(
    'PermissionDenied',
    `${who} may not send for migration ${JSON.stringify(migration)}: of its token, ${why}; ${then}`,
  );
}
