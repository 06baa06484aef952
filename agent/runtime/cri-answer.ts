/**
 * How CRI says things that every call of it says.
 */
import { RuntimeError } from './runtime-error.ts';

/** CRI takes a prefix for the one thing that it fits, and an empty id in a filter for all: only whole ids pass. */
export function checkId(operation: string, id: string): string {
  if (/^[0-9a-f]{64}$/.test(id)) return id;
  throw new RuntimeError('INVALID_ARGUMENT', {
    operation,
    subject: JSON.stringify(id),
    details: 'not an id of a pod or container, which has 64 hexadecimal digits',
  });
}

/** A part that an answer always has, though its type may be null. */
export function present<Part>(part: Part | null | undefined, operation: string, subject: string): Part {
  if (part !== null && part !== undefined) return part;
  throw incomprehensible(operation, subject, 'a part of the answer is missing');
}

/** The runtime answered, but what it says is not what we know CRI or containerd to say. */
export function incomprehensible(operation: string, subject: string, details: string, cause?: unknown): RuntimeError {
  const hint = 'this containerd is newer or older than Podferry knows: see the supported versions';
  return new RuntimeError('FAILED_PRECONDITION', { operation, subject, details, hint, cause });
}

/** @param nanoseconds since 1970, decimal; CRI's 0 is "not yet" */
export function moment(nanoseconds: string): Date | undefined {
  return nanoseconds === '0' ? undefined : new Date(Number(BigInt(nanoseconds) / 1_000_000n));
}
