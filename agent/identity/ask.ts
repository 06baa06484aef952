/** Asks the coordinator for a certificate, with the token of this agent's pod. */
import { readFileSync } from 'node:fs';
import { Metadata } from '@grpc/grpc-js';
import { Fault, fromStatus } from '../../proto/fault.ts';
import type { IssueReply__Output as IssueReply } from '../../proto/gen/podferry/v1/IssueReply.ts';
import { coordinatorName, trustIn } from '../../proto/identity.ts';
import { load } from '../../proto/load.ts';

const deadlineMs = 15_000;

export interface Asked {
  /** host:port of the coordinator. */
  authority: string;
  /** Read for each call: kubelet replaces it. */
  tokenFile: string;
}

/**
 * @param trust PEM: whose certificate the coordinator has to show
 * @throws Fault
 */
export async function ask(request: Buffer, { authority, tokenFile }: Asked, trust: string): Promise<IssueReply> {
  const by = new Metadata();
  by.set('authorization', `Bearer ${tokenIn(tokenFile)}`);
  const { channelCredentials, channelOptions } = trustIn(Buffer.from(trust), 'what is to be trusted');
  const service = load('authority.proto').podferry.v1.Authority;
  const client = new service(authority, channelCredentials(), channelOptions(coordinatorName));
  try {
    return await new Promise<IssueReply>((resolve, reject) => {
      const deadline = Date.now() + deadlineMs;
      client.Issue({ certificate_request: request }, by, { deadline }, (error, reply) => {
        if (error === null && reply !== undefined) resolve(reply);
        else reject(fromStatus(error));
      });
    });
  } catch (error) {
    const { reason, message } = Fault.from(error, 'AgentUnreachable');
    throw new Fault(reason, `the coordinator at ${authority} gives no certificate: ${message}`, { cause: error });
  } finally {
    client.close();
  }
}

function tokenIn(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Fault('Unauthenticated', `cannot read the token in ${file}: ${code}`, { cause: error });
  }
  // What is no header is not even sent, and the error would say it aloud.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) throw new Fault('Unauthenticated', `there is no token in ${file}`);
  return token;
}
