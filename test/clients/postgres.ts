import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Notification } from 'pg';
import type { Addresses } from './addresses.ts';
import { expectSame, Steady } from './client.ts';
import { Inbox } from './inbox.ts';

async function connect({ postgres }: Addresses, onOver: (error: Error) => void = () => {}): Promise<Client> {
  if (postgres === undefined) throw new Error('there is no PostgreSQL to connect to');
  const client = new Client({ ...postgres, user: 'postgres', database: 'postgres' });
  client.on('error', onOver);
  client.on('end', () => onOver(new Error('the connection to PostgreSQL was closed')));
  await client.connect();
  return client;
}

async function askPostgres(at: Addresses, query: string): Promise<unknown[]> {
  const client = await connect(at);
  try {
    return (await client.query<Record<string, unknown>>(query)).rows;
  } finally {
    await client.end();
  }
}

/**
 * One transaction from the first row to the last, by a statement that was prepared once. Nobody else sees any of it
 * before it is committed, and all of it afterwards.
 */
export class PostgresTransaction extends Steady {
  readonly kind = 'postgres-transaction';
  readonly #client: Client;
  readonly #table: string;
  /** Of the server's process for this session. */
  #pid: unknown;
  #number = 0;

  private constructor(client: Client, table: string) {
    super();
    this.#client = client;
    this.#table = table;
  }

  static async open(at: Addresses, id: string): Promise<PostgresTransaction> {
    const table = id.replaceAll('-', '_');
    let opened: PostgresTransaction | undefined;
    const client = await connect(at, (error) => opened?.over(error));
    opened = new PostgresTransaction(client, table);
    await client.query(`CREATE TABLE ${table} (number int PRIMARY KEY, content text NOT NULL)`);
    await client.query('BEGIN');
    opened.#pid = await opened.#askPid();
    return opened;
  }

  protected override async exchange(): Promise<void> {
    const number = (this.#number += 1);
    this.notes.asked();
    const { rows } = await this.#client.query<{ number: number }>({
      name: 'insert',
      text: `INSERT INTO ${this.#table} VALUES ($1, $2) RETURNING number`,
      values: [number, contentOf(number)],
    });
    expectSame('the row that was inserted', rows, [{ number }]);
    this.notes.answered();
    await sleep(20);
  }

  protected override async verify(at: Addresses): Promise<void> {
    expectSame('its process at the server', await this.#askPid(), this.#pid);
    const all = `SELECT number, content FROM ${this.#table} ORDER BY number`;
    expectSame('rows that others see before the commit', await askPostgres(at, all), []);
    const { command } = await this.#client.query('COMMIT');
    expectSame('what became of the transaction', command, 'COMMIT');
    const rows = Array.from({ length: this.#number }, (_, at) => ({ number: at + 1, content: contentOf(at + 1) }));
    expectSame('rows that others see afterwards', await askPostgres(at, all), rows);
    this.closing = true;
    await this.#client.end();
  }

  async #askPid(): Promise<unknown> {
    return (await this.#client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
  }

  protected override close(): void {
    this.closing = true;
    destroy(this.#client);
  }
}

/** Of many sizes. */
const contentOf = (number: number) => `${number} ${'row'.repeat(number % 700)}`;

/** Two sessions: one notifies, the other only listens, and is told everything once and in order. */
export class PostgresListener extends Steady {
  readonly kind = 'postgres-listener';
  readonly #channel: string;
  readonly #notifier: Client;
  readonly #listener: Client;
  readonly #inbox = new Inbox<Notification>();
  #number = 0;

  private constructor(channel: string, notifier: Client, listener: Client) {
    super();
    this.#channel = channel;
    this.#notifier = notifier;
    this.#listener = listener;
    listener.on('notification', (message) => this.#inbox.put(message));
  }

  static async open(at: Addresses, id: string): Promise<PostgresListener> {
    const channel = id.replaceAll('-', '_');
    let opened: PostgresListener | undefined;
    const over = (error: Error) => opened?.end(error);
    opened = new PostgresListener(channel, await connect(at, over), await connect(at, over));
    await opened.#listener.query(`LISTEN ${channel}`);
    return opened;
  }

  protected override async exchange(): Promise<void> {
    const number = String((this.#number += 1));
    this.notes.asked();
    await this.#notifier.query(`NOTIFY ${this.#channel}, '${number}'`);
    const { channel, payload } = await this.#inbox.take();
    expectSame('what it was told', [channel, payload], [this.#channel, number]);
    this.notes.answered();
    await sleep(20);
  }

  protected override async verify(): Promise<void> {
    // One that had come twice would be in the place of this one.
    await this.exchange();
    expectSame('notifications more than were sent', this.#inbox.left, 0);
    this.closing = true;
    await Promise.all([this.#notifier.end(), this.#listener.end()]);
  }

  protected end(error: Error): void {
    this.over(error);
    this.#inbox.fail(error);
  }

  protected override close(): void {
    this.closing = true;
    destroy(this.#notifier);
    destroy(this.#listener);
  }
}

/** Of one whose server is gone, `end` would never come to its end. */
function destroy(client: Client): void {
  client.connection.stream.destroy();
}
