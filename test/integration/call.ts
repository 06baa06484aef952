/**
 * One gRPC call with whatever is to be sent, by whomever: a process of its own, because it runs where the part can be
 * reached. stdin: a Question as JSON. stdout: an Answer as JSON.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { credentials, type ChannelCredentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { openIdentity } from '../../proto/identity.ts';
import { load } from '../../proto/load.ts';

export interface Question {
  service: 'Agent' | 'Coordinator';
  address: string;
  /** Name in the certificate of who is asked. */
  name: string;
  method: string;
  request: unknown;
  /** Directory of who asks. */
  tls: string;
  /** Shows no certificate, and knows the authority all the same. */
  anonymous: boolean;
}

export interface Answer {
  /** As gRPC spells it: OK, NOT_FOUND, … */
  status: string;
  /** Of the trailer podferry-reason; empty where there is none. */
  reason: string;
  message: string;
  replies: unknown[];
}

type AnyMethod = MethodDefinition<object, object>;

const silent = { info: () => {}, warn: () => {} };

async function call(question: Question): Promise<Answer> {
  const { service, address, name, method, request, tls, anonymous } = question;
  const client =
    service === 'Agent' ? load('agent.proto').podferry.v1.Agent : load('coordinator.proto').podferry.v1.Coordinator;
  // Which message belongs to which method is the test's affair: some of them are wrong on purpose.
  const asked = (client.service as unknown as Record<string, AnyMethod | undefined>)[method];
  if (asked === undefined) throw new Error(`${service} has no method ${method}`);
  const identity = openIdentity(tls, silent);
  const own: ChannelCredentials = anonymous
    ? credentials.createSsl(readFileSync(join(tls, 'ca.crt')))
    : identity.channelCredentials();
  const asking = new client(address, own, identity.channelOptions(name));
  const replies: unknown[] = [];
  const options = { deadline: Date.now() + 20_000 };
  const { path, requestSerialize, responseDeserialize } = asked;
  const failed = await new Promise<ServiceError | undefined>((resolve) => {
    if (asked.responseStream) {
      asking
        .makeServerStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request as object,
          new Metadata(),
          options,
        )
        .on('data', (reply: unknown) => replies.push(reply))
        .on('error', (error: ServiceError) => resolve(error))
        .on('end', () => resolve(undefined));
    } else {
      const done = (error: ServiceError | null, reply?: unknown) => {
        if (reply !== undefined) replies.push(reply);
        resolve(error ?? undefined);
      };
      asking.makeUnaryRequest(path, requestSerialize, responseDeserialize, request as object, options, done);
    }
  });
  asking.close();
  identity.close();
  return {
    status: status[failed?.code ?? status.OK],
    reason: failed?.metadata?.get('podferry-reason')[0]?.toString() ?? '',
    message: failed?.details ?? '',
    replies,
  };
}

if (import.meta.main) console.log(JSON.stringify(await call((await json(process.stdin)) as Question)));
