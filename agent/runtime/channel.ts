/**
 * Calls over containerd's socket: bounded, abortable, and patient with a containerd that is being restarted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { translate } from './runtime-error.ts';

/** Milliseconds that a call may take unless it says otherwise. */
export const defaultDeadline = 10_000;

/** Between two tries while containerd is away, in milliseconds. */
const retryPause = 100;

/** containerd's own limit, in both directions; grpc-js' default of 4 MiB is too little to list a crowded node. */
const maxMessageBytes = 16 << 20;

export interface Call {
  /** What the call is about, for the error's text. */
  subject: string;
  /** Milliseconds. */
  deadline?: number | undefined;
  /** Whether doing it twice is the same as doing it once, so that it may be tried again after a lost connection. */
  repeatable: boolean;
  signal: AbortSignal | undefined;
}

/** What is needed of a generated method definition to call it. */
interface Method<Request, Response> {
  path: string;
  requestSerialize: (request: Request) => Buffer;
  responseDeserialize: (bytes: Buffer) => Response;
}

export class Channel {
  readonly #client: Client;
  readonly #socketPath: string;

  /** @param socketPath absolute; nothing needs to listen there yet */
  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': maxMessageBytes,
      // a restart of containerd takes a second or two, so grpc's minutes of back-off would be most of a deadline
      'grpc.initial_reconnect_backoff_ms': retryPause,
      'grpc.max_reconnect_backoff_ms': 1000,
    });
  }

  /** @throws RuntimeError, or the signal's reason */
  async send<Request, Response>(
    method: Method<Request, Response>,
    request: NoInfer<Request>,
    { subject, deadline = defaultDeadline, repeatable, signal }: Call,
  ): Promise<Response> {
    const until = Date.now() + deadline;
    const operation = method.path.slice(method.path.lastIndexOf('/') + 1);
    while (true) {
      signal?.throwIfAborted();
      try {
        return await this.#sendOnce(method, request, until, signal);
      } catch (error) {
        signal?.throwIfAborted();
        const again = mayRepeat(error as ServiceError, repeatable) && Date.now() + retryPause < until;
        if (!again) throw translate(error as ServiceError, { operation, subject, socketPath: this.#socketPath });
      }
      await sleep(retryPause, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }

  async #sendOnce<Request, Response>(
    method: Method<Request, Response>,
    request: NoInfer<Request>,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const metadata = new Metadata({ waitForReady: true });
    // CRI knows its own namespace; containerd's services refuse a call without one
    if (method.path.startsWith('/containerd.')) metadata.set('containerd-namespace', 'k8s.io');
    return await new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, response) => {
          signal?.removeEventListener('abort', cancel);
          if (error !== null) reject(error);
          // grpc-js always has a response when it has no error
          else resolve(response as Response);
        },
      );
      const cancel = (): void => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  close(): void {
    this.#client.close();
  }
}

function mayRepeat({ code, details }: ServiceError, repeatable: boolean): boolean {
  // containerd answers so before it looks at the request: nothing was done
  return code === status.UNAVAILABLE && (repeatable || details.includes('not initialized yet'));
}
