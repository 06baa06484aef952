/**
 * A connection to a Redis that stays open, busy or silent, and what becomes of it. It may go on or end, as the test
 * says; the one thing that never may be is that it hangs.
 */
import { expect } from 'vitest';
import type { Lab } from '../lab/index.ts';
import type { Held } from '../workloads/connections.ts';
import { Client } from './client.ts';

const redisPort = 6379;
/** A question and its answer, also where a segment has been lost a few times and is sent again late. Milliseconds. */
const patience = 30_000;

export type Fate = 'goes on' | Exclude<Held['event'], 'connected' | 'data'>;

export class OpenConnection {
  readonly #client: Client<Held>;

  private constructor(client: Client<Held>) {
    this.#client = client;
  }

  /** Asks something all the time. */
  static async busy(lab: Lab, ip: string): Promise<OpenConnection> {
    return await OpenConnection.#open(lab, ip, '--say', 'PING');
  }

  /** Says nothing until somebody asks for its fate. */
  static async silent(lab: Lab, ip: string): Promise<OpenConnection> {
    return await OpenConnection.#open(lab, ip);
  }

  static async #open(lab: Lab, ip: string, ...flags: string[]): Promise<OpenConnection> {
    const client = Client.start(lab, 'hold', ip, redisPort, ...flags);
    await expect.poll(() => client.events[0]?.event, { timeout: 10_000 }).toBe('connected');
    return new OpenConnection(client);
  }

  /** How it has ended, as far as it knows; undefined: it has not. */
  get end(): Held | undefined {
    return this.#client.events.find(({ event }) => event !== 'connected' && event !== 'data');
  }

  /** Times at which an answer has come. */
  get answers(): number[] {
    return this.#client.events.filter(({ event }) => event === 'data').map(({ at }) => at);
  }

  /** Asks something. @throws when there is neither an answer nor an end */
  async fate(): Promise<Fate> {
    const asked = Date.now();
    this.#client.send('PING');
    const known = () => this.end !== undefined || this.answers.some((at) => at > asked);
    await expect.poll(known, { timeout: patience, interval: 20, message: 'the connection hangs' }).toBe(true);
    return (this.end?.event as Fate | undefined) ?? 'goes on';
  }

  /** Without a word from here. */
  async ended(withinMs = 10_000): Promise<Fate> {
    await expect.poll(() => this.end !== undefined, { timeout: withinMs, interval: 20 }).toBe(true);
    return this.end?.event as Fate;
  }

  async close(): Promise<void> {
    await this.#client.stop();
  }
}
