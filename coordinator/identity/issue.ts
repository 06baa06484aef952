/**
 * Gives agents their certificates. Every replica may: it changes nothing, and what it signs with is read anew each time;
 * so agents need not wait until somebody leads, nor does anything depend on whether somebody still does.
 */
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { Fault, toStatus } from '../../proto/fault.ts';
import type { AuthorityHandlers } from '../../proto/gen/podferry/v1/Authority.ts';
import type { IssueReply } from '../../proto/gen/podferry/v1/IssueReply.ts';
import type { IssueRequest__Output as IssueRequest } from '../../proto/gen/podferry/v1/IssueRequest.ts';
import { agentName } from '../../proto/identity.ts';
import { tokenOf } from '../people/caller.ts';
import type { Authority } from './authority.ts';
import { agentAudience, type Bearer } from './bearer.ts';
import { keyOfRequest, validityOf } from './certificate.ts';
import { skewOf } from './decide.ts';

export interface Issuing {
  authority: Pick<Authority, 'read'>;
  /** Who shows a token. */
  bearerOf: (token: string, signal: AbortSignal) => Promise<Bearer>;
  log: Pick<Logger, 'info' | 'warn'>;
}

export function authorityService({ authority, bearerOf, log }: Issuing): AuthorityHandlers {
  return {
    Issue(call: ServerUnaryCall<IssueRequest, IssueReply>, answer: sendUnaryData<IssueReply>) {
      const gone = new AbortController();
      call.once('cancelled', () => gone.abort(new Fault('ClientGone', 'the caller went away')));
      const issue = async (): Promise<IssueReply> => {
        const token = tokenOf(call, `the token of an agent’s pod, for audience ${agentAudience}`);
        const bearer = await bearerOf(token, gone.signal);
        const key = await keyOfRequest(call.request.certificate_request);
        const { signer, certificateMs, trust } = await authority.read(gone.signal);
        const now = Date.now();
        const wanted = { from: now - skewOf({ certificateMs }), until: now + certificateMs };
        const certificate = await signer.sign(agentName(bearer.node), key, wanted);
        const { from, until } = validityOf(certificate);
        log.info({ ...bearer, validTo: new Date(until) }, `a certificate for the agent of ${bearer.node}`);
        return {
          certificate: certificate + signer.between,
          trust,
          not_before_unix_ms: from,
          not_after_unix_ms: until,
        };
      };
      issue().then(
        (reply) => answer(null, reply),
        (error: unknown) => {
          const { reason, message } = Fault.from(error, 'Internal');
          log.warn({ peer: call.getPeer(), reason }, `no certificate: ${message}`);
          answer(toStatus(error));
        },
      );
    },
  };
}
