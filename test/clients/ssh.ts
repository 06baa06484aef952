import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Addresses } from './addresses.ts';
import { expectSame, Steady, within } from './client.ts';

/** A session of the real program in which everything that is written comes back and is in a file at the server, too. */
export class SshSession extends Steady {
  readonly kind = 'ssh';
  readonly #child: ChildProcess;
  readonly #file: string;
  readonly #ended: Promise<number | null>;
  readonly #complaints: Promise<string>;
  readonly #digest = createHash('sha256');
  /** What has come back and is not compared yet. */
  #back: Buffer = Buffer.alloc(0);
  #arrived = Promise.withResolvers<void>();
  #number = 0;

  private constructor(child: ChildProcess, file: string) {
    super();
    this.#child = child;
    this.#file = file;
    this.#ended = once(child, 'close').then(([code]) => code as number | null);
    this.#complaints = text(child.stderr as Readable);
    child.stdin?.on('error', (error) => this.over(error));
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#back = Buffer.concat([this.#back, chunk]);
      this.#arrived.resolve();
    });
    void this.#ended.then(async (code) => {
      const error = new Error(`ssh ended with ${String(code)}: ${(await this.#complaints).trim()}`);
      this.over(error);
      this.#arrived.promise.catch(() => {});
      this.#arrived.reject(error);
    });
  }

  static async open(at: Addresses, id: string): Promise<SshSession> {
    const file = `/tmp/${id}`;
    const client = new SshSession(start(at, `tee ${file}`), file);
    await within(client.exchange(), 'nothing came back');
    return client;
  }

  protected override async exchange(): Promise<void> {
    this.#number += 1;
    const block = Buffer.alloc(1 + ((this.#number * 997) % 40_000), `${this.#number} `);
    this.#digest.update(block);
    this.notes.asked();
    this.#child.stdin?.write(block);
    const back = await this.#take(block.length);
    if (!back.equals(block)) throw new Error(`block ${this.#number} of ${block.length} bytes came back as another`);
    this.notes.answered();
    await sleep(20);
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#back.length < length) {
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
    const taken = this.#back.subarray(0, length);
    this.#back = this.#back.subarray(length);
    return taken;
  }

  protected override async verify(at: Addresses): Promise<void> {
    this.closing = true;
    this.#child.stdin?.end();
    expectSame('how ssh ended', await this.#ended, 0);
    expectSame('bytes more than were sent', this.#back.length, 0);
    const other = start(at, `sha256sum ${this.#file}`);
    const [sum, said, [code]] = await Promise.all([
      text(other.stdout as Readable),
      text(other.stderr as Readable),
      once(other, 'close'),
    ]);
    expectSame(`how a second ssh ended (${said.trim()})`, code, 0);
    expectSame('the file at the server', sum.split(' ')[0], this.#digest.digest('hex'));
  }

  protected override close(): void {
    this.closing = true;
    this.#child.kill('SIGKILL');
  }
}

function start({ ssh }: Addresses, command: string): ChildProcess {
  if (ssh === undefined) throw new Error('there is no SSH server to connect to');
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'ControlPath=none',
    // It neither asks by itself whether the server is there, nor gives up by itself.
    'ServerAliveInterval=0',
    'TCPKeepAlive=no',
  ];
  const argv = ['-F', '/dev/null', '-T', '-i', ssh.keyFile, '-p', String(ssh.port)];
  for (const option of options) argv.push('-o', option);
  return spawn('ssh', [...argv, `${ssh.user}@${ssh.host}`, command], { stdio: 'pipe' });
}
