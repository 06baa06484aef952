/**
 * Who shows a token, and what they may do: the API server is asked, so that its users, groups and roles are the only
 * ones there are. Answers are believed for a few seconds.
 */
import { createHash } from 'node:crypto';
import {
  AuthenticationV1Api,
  AuthorizationV1Api,
  type KubeConfig,
  type V1TokenReviewStatus,
  type V1UserInfo,
} from '@kubernetes/client-node';
import { Fault } from '../../proto/fault.ts';
import { apiFault, bounded, statusOf } from '../cluster/kubernetes/client.ts';
import { Remembered } from './remembered.ts';
import type { Right } from './rights.ts';

export interface Person {
  /** Like system:serviceaccount:NAMESPACE:NAME. */
  name: string;
  info: V1UserInfo;
  /** Tells it from everybody else, also from itself with another token. */
  key: string;
}

const believedMs = 5_000;
const most = 1_000;

export class Reviews {
  readonly #authentication: AuthenticationV1Api;
  readonly #authorization: AuthorizationV1Api;
  readonly #audience: string | undefined;
  readonly #closing: AbortSignal;
  readonly #people = new Remembered<Person>(most, believedMs);
  readonly #rights = new Remembered<boolean>(most, believedMs);

  /** @param audience whom tokens have to be for; undefined: the API server itself */
  constructor(config: KubeConfig, audience: string | undefined, closing: AbortSignal) {
    this.#authentication = config.makeApiClient(AuthenticationV1Api);
    this.#authorization = config.makeApiClient(AuthorizationV1Api);
    this.#audience = audience;
    this.#closing = closing;
  }

  /** @throws Fault Unauthenticated when it is nobody's, or nobody's any more */
  async personOf(token: string): Promise<Person> {
    const key = createHash('sha256').update(token).digest('base64');
    return await this.#people.of(key, async () => await this.#review(token, key));
  }

  async may({ info, key }: Person, { verb, group, resource, namespace }: Right): Promise<boolean> {
    return await this.#rights.of(`${key} ${verb} ${group}/${resource} ${namespace ?? ''}`, async () => {
      const { username = '', uid, groups, extra } = info;
      const resourceAttributes = { verb, group, resource, ...(namespace !== undefined && { namespace }) };
      const who = { user: username, ...(uid && { uid }), ...(groups && { groups }), ...(extra && { extra }) };
      const body = { spec: { ...who, resourceAttributes } };
      const asked = this.#authorization.createSubjectAccessReview({ body }, bounded(this.#closing));
      const { status } = await told(asked, `asking whether ${username} may ${verb} ${resource}`);
      return status?.allowed === true;
    });
  }

  async #review(token: string, key: string): Promise<Person> {
    const audiences = this.#audience === undefined ? undefined : [this.#audience];
    const body = { spec: { token, ...(audiences && { audiences }) } };
    const asked = this.#authentication.createTokenReview({ body }, bounded(this.#closing));
    const { status } = await told(asked, 'asking who shows a token');
    const info = status?.user;
    if (status?.authenticated !== true || !info?.username) {
      const why = status?.error ? ` (${status.error})` : '';
      const remedy = 'is it expired, deleted, or for another audience? Get a new one, like by kubectl create token';
      throw new Fault('Unauthenticated', `the API server knows nobody by this token${why}: ${remedy}`);
    }
    this.#checkAudience(status);
    return { name: info.username, info, key };
  }

  /** One that says nothing of audiences has not looked at them. */
  #checkAudience({ audiences }: V1TokenReviewStatus): void {
    const wanted = this.#audience;
    if (wanted === undefined || audiences?.includes(wanted) === true) return;
    throw new Fault('Unauthenticated', `this token is not for ${wanted}: get one by kubectl create token --audience`);
  }
}

/** What keeps us from asking is not the caller's fault. */
async function told<T>(asked: Promise<T>, what: string): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (statusOf(error) !== 403) throw apiFault(error, what);
    const message = `${what}: the coordinator may not ask: apply charts/podferry/files/coordinator-role.yaml`;
    throw new Fault('Internal', message, { cause: error });
  }
}
