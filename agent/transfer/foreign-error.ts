/** Errors of file systems, sockets and other processes, translated where they enter. */
import { Reason as reasons } from '../../proto/gen/podferry/v1/Reason.ts';
import { Fault, type Reason } from '../../proto/fault.ts';

/** @param what what failed and where: "cannot write /a/b" */
export function storageFault(error: unknown, what: string): Fault {
  if (error instanceof Fault) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault('StagingSpaceMissing', `${what}: no space left (${code}); free some there, or give it more`, {
      cause: error,
    });
  }
  return new Fault('TransferFailed', `${what}: ${message}`, { cause: error });
}

/** @param what what was going on with whom: "connection to node-b at 10.0.0.2:7071" */
export function socketFault(error: unknown, what: string, reason: Reason): Fault {
  if (error instanceof Fault) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (/CERT|UNKNOWN_CA|SELF_SIGNED|UNABLE_TO_|^ERR_TLS/.test(code)) {
    const then = 'see that both are of one authority and in date';
    return new Fault('PermissionDenied', `${what}: certificates do not fit: ${message}; ${then}`, { cause: error });
  }
  if (/BAD_RECORD|DECRYPT/.test(code)) {
    return new Fault('VerifyFailed', `${what}: bytes were changed on the way: ${message}`, { cause: error });
  }
  return new Fault(reason, `${what}: ${message}`, { cause: error });
}

/** A Fault as the other side of a connection gets it. */
export function toWire({ reason, message }: Fault): { reason: string; message: string } {
  return { reason, message };
}

/** @param wire as it arrived: of a peer that is authenticated, but may be newer than we are */
export function fromWire(wire: unknown, peer: string): Fault {
  const { reason, message } = (wire ?? {}) as { reason?: unknown; message?: unknown };
  const known = typeof reason === 'string' && Object.hasOwn(reasons, reason) ? (reason as Reason) : 'TransferFailed';
  return new Fault(known, `${peer}: ${typeof message === 'string' ? message : 'it gave up and did not say why'}`);
}
