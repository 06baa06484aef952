/** What of all migrations a caller is shown: those in namespaces where it may see them. Asked once for each call. */
import type { Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import type { Caller } from './caller.ts';
import { type Right, toMigrations } from './rights.ts';

export class Sight {
  readonly #caller: Caller;
  readonly #verb: Right['verb'];
  readonly #answers = new Map<string | undefined, Promise<boolean>>();

  constructor(caller: Caller, verb: Right['verb']) {
    this.#caller = caller;
    this.#verb = verb;
  }

  async covers({ plan }: Pick<Migration, 'plan'>): Promise<boolean> {
    return (await this.#of(undefined)) || (await this.#of(plan?.pod?.namespace ?? ''));
  }

  #of(namespace: string | undefined): Promise<boolean> {
    const answer = this.#answers.get(namespace) ?? this.#caller.may(toMigrations(this.#verb, namespace));
    this.#answers.set(namespace, answer);
    return answer;
  }
}
