/**
 * gRPC credentials that follow an identity: a reload reaches what connects from then on, and leaves open connections
 * alone. grpc-js has providers for this, but they allow TLS 1.2, and a half-written pair of files makes its server
 * drop everybody until the next look.
 */
import type { SecureContext } from 'node:tls';
import { ChannelCredentials, type experimental, ServerCredentials } from '@grpc/grpc-js';
import type { Identity } from './identity.ts';
import { mustBe } from './role.ts';

export class ReloadingServerCredentials extends ServerCredentials {
  constructor(identity: Pick<Identity, 'tlsOptions' | 'onReload'>) {
    const tls = identity.tlsOptions() ?? null;
    super({ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }, tls ?? {});
    identity.onReload(() => this.updateSecureContextOptions(identity.tlsOptions() ?? null));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

type ConnectorParameters = Parameters<ChannelCredentials['_createSecureConnector']>;

export class ReloadingChannelCredentials extends ChannelCredentials {
  readonly #context: () => SecureContext;

  /** @param context the present one; asked for each connection */
  constructor(context: () => SecureContext) {
    super();
    this.#context = context;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...parameters: ConnectorParameters): experimental.SecureConnector {
    const connector = () => {
      const credentials = ChannelCredentials.createFromSecureContext(this.#context(), { checkServerIdentity: mustBe });
      // oxlint-disable-next-line no-underscore-dangle -- the extension point is spelt like this
      return credentials._createSecureConnector(...parameters);
    };
    const first = connector();
    return {
      connect: (socket) => connector().connect(socket),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => first.getCallCredentials(),
      destroy: () => {},
    };
  }
}
