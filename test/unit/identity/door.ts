/** A port that lets coordinators pass and says who called, and how to ask it. */
import { type Client, type sendUnaryData, Server, type ServerUnaryCall } from '@grpc/grpc-js';
import { toStatus } from '../../../proto/fault.ts';
import { type Identity, requireRole } from '../../../proto/identity.ts';

const same = (bytes: Buffer) => bytes;
const method = { path: '/test/Who', requestStream: false, responseStream: false } as const;

/** What an agent's port is to a caller. */
export async function serve(identity: Identity, atEnd: (end: () => void) => void): Promise<number> {
  const server = new Server();
  const who = (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
    try {
      answer(null, Buffer.from(JSON.stringify(requireRole(call, identity, 'coordinator') ?? 'anybody')));
    } catch (error) {
      answer(toStatus(error));
    }
  };
  const codec = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService({ who: { ...method, ...codec } }, { who });
  atEnd(() => server.forceShutdown());
  return await new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', identity.serverCredentials(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
}

export async function who(by: Client): Promise<string> {
  return await new Promise((resolve, reject) =>
    by.makeUnaryRequest(method.path, same, same, Buffer.alloc(0), { deadline: Date.now() + 3_000 }, (error, answer) =>
      error ? reject(error) : resolve(String(answer)),
    ),
  );
}
