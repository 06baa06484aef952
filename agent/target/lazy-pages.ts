/**
 * The target's end of post-copy. A process of each container's own (lazy-pages.pl) fills in its memory and outlives this
 * agent; the agent only passes on what that asks for. When the source is away it waits: the source comes back, or its next
 * agent does. When nothing has come for memoryPatienceMs the container is killed: pages of zeros would be wrong memory.
 * Kubelet starts it again, cold, and the source, which is older than what the pod has done since, never runs again.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import { memoryPatienceMs } from '../../proto/memory.ts';
import { appeared, appearedOneOf } from '../journal/appeared.ts';
import { plant, quote } from '../journal/planted.ts';
import type { ContainerPaths, SidePaths } from '../paths.ts';
import { outliving } from '../runtime/node.ts';
import { type Kind, kinds } from '../transfer/stream/frames.ts';
import type { Link, LinkHandler } from '../transfer/stream/link.ts';
import type { StreamTransport } from '../transfer/stream/stream.ts';
import type { Entry } from '../transfer/transfer.ts';
import type { TargetMigration } from './target.ts';

const script = join(import.meta.dirname, 'lazy-pages.pl');
/** id, address, bytes, pid; and of an answer id and bytes. */
const [questionBytes, answerBytes] = [28, 16];
const startMs = 10_000;

/** Before the container is made: CRIU connects there. */
export async function startFilling(side: SidePaths, name: string, paths: ContainerPaths): Promise<void> {
  const socket = join(paths.directory, 'lazy-pages.socket');
  const argv = ['perl', script, paths.directory, String(memoryPatienceMs / 1_000)] as const;
  const [program, ...rest] = outliving([...argv]);
  const child = spawn(program, rest, { stdio: 'ignore', detached: true });
  child.unref();
  const failed = new AbortController();
  child.once('error', (error) => failed.abort(error));
  child.once('exit', (code) => failed.abort(new Error(`it ended with ${code}`)));
  plant(side, 'lazy-pages', undoOf(child.pid ?? 0, paths), `-${name}`);
  try {
    await appeared(socket, AbortSignal.any([failed.signal, AbortSignal.timeout(startMs)]));
  } catch (error) {
    throw Fault.from(
      error,
      'TargetPrepareFailed',
      `${script} does not wait for CRIU; started by hand on this node (perl SCRIPT DIRECTORY SECONDS) it says why`,
    );
  }
}

/** It leads a group of its own, with its guard. Without it what runs would go on with zeros: that is refused. */
function undoOf(pid: number, { directory, running, lazyDone, lazyLost }: ContainerPaths): string {
  const itsOwn = `tr '\\0' ' ' </proc/${pid}/cmdline 2>/dev/null | grep -qF ${quote(directory)}`;
  const isNeeded = `[ -e ${quote(running)} ] && [ ! -e ${quote(lazyDone)} ] && [ ! -e ${quote(lazyLost)} ]`;
  const refused = `if ${isNeeded}; then echo 'the container still waits for memory' >&2; exit 1; fi`;
  return `if ${itsOwn}; then ${refused}; kill -KILL -- -${pid}; while [ -e /proc/${pid}/exe ]; do sleep 0.05; done; fi`;
}

interface Question {
  id: number;
  at: number;
  bytes: number;
  pid: number;
}

/** The one who asks for a container's memory, as long as it stays connected. */
interface Asker {
  container: string;
  socket: Socket;
  open: Map<number, Question>;
}

export class Filling {
  readonly #target: TargetMigration;
  readonly #transport: Pick<StreamTransport, 'expectPages'>;
  readonly #log: Logger;
  readonly #ending = new AbortController();
  readonly #servers: Server[] = [];
  readonly #askers = new Map<string, Asker>();
  /** Bytes of memory. */
  received = 0;
  #link: Link | undefined;
  /** Where the bytes go that come next. */
  #answering: { asker: Asker | undefined; id: number; left: number } | undefined;
  #unexpect: () => void = () => {};

  constructor(
    target: TargetMigration,
    { transport, log }: { transport: Pick<StreamTransport, 'expectPages'>; log: Logger },
  ) {
    this.#target = target;
    this.#transport = transport;
    this.#log = log.child({ migration: target.record.plan.id });
  }

  /** May be asked from now on; by those who were there before this agent, too. */
  async begin(): Promise<void> {
    const { memory } = this.#target.record.details;
    if (memory === undefined) return;
    if (memory.secret !== '') this.#expect(memory.secret);
    if (memory.state !== 'owed') return;
    for (const { manifest, paths } of this.#target.containers) await this.#listen(manifest.name, paths);
    this.#awaitEnd().catch((error: unknown) => {
      if (!this.#ending.signal.aborted) this.#log.error({ err: error }, 'cannot tell how the memory has come');
    });
  }

  end(): void {
    this.#ending.abort(new Fault('Cancelled', 'the migration has ended here'));
    this.#unexpect();
    for (const server of this.#servers) server.close();
    for (const { socket } of this.#askers.values()) socket.destroy();
    void this.#link?.hangUp();
  }

  /** By the source, over a connection that its token has let in. */
  granted({ meta }: Entry): void {
    const { secret } = (meta ?? {}) as { secret?: unknown };
    const { memory } = this.#target.record.details;
    if (typeof secret !== 'string' || secret.length < 32 || memory === undefined) {
      throw new Fault('InvalidArgument', 'that lets nobody ask for memory');
    }
    memory.secret = secret;
    this.#target.save();
    this.#expect(secret);
  }

  #expect(secret: string): void {
    const { id: migration, source_node: peer } = this.#target.record.plan;
    this.#unexpect();
    this.#unexpect = this.#transport.expectPages({ migration, peer, secret }, (link) => this.#met(link));
  }

  #met(link: Link): LinkHandler {
    void this.#link?.hangUp();
    this.#drop();
    this.#link = link;
    // After the welcome.
    setImmediate(() => {
      this.#tell();
      for (const asker of this.#askers.values()) for (const question of asker.open.values()) this.#ask(asker, question);
    });
    return {
      frame: (kind, value) => this.#answered(kind, value),
      data: (part) => this.#pass(part),
      gone: (fault) => {
        if (this.#link !== link) return;
        this.#link = undefined;
        this.#log.warn({ reason: fault.reason }, fault.message);
        this.#drop();
      },
    };
  }

  /** Half an answer: whoever has got that asks for all of it again, over a connection of its own. */
  #drop(): void {
    this.#answering?.asker?.socket.destroy();
    this.#answering = undefined;
  }

  #answered(kind: Kind, value: unknown): void {
    const { container, id, bytes } = (value ?? {}) as Record<string, unknown>;
    if (kind !== kinds.Pages || this.#answering !== undefined || typeof id !== 'number' || typeof bytes !== 'number') {
      throw new Fault('TransferFailed', `a frame of kind ${kind} came where pages may`);
    }
    const asker = this.#askers.get(String(container));
    this.#answering = { asker, id, left: bytes };
    const head = Buffer.alloc(answerBytes);
    head.writeBigUInt64LE(BigInt(id));
    head.writeBigUInt64LE(BigInt(bytes), 8);
    asker?.socket.write(head);
  }

  #pass(part: Buffer): void {
    const answering = this.#answering;
    if (answering === undefined || part.length > answering.left)
      throw new Fault('TransferFailed', 'bytes came that nobody has asked for');
    answering.left -= part.length;
    this.received += part.length;
    const { asker, id, left } = answering;
    if (asker?.socket.destroyed === false) asker.socket.write(part);
    if (left > 0) return;
    asker?.open.delete(id);
    this.#answering = undefined;
  }

  async #listen(container: string, paths: ContainerPaths): Promise<void> {
    const server = createServer((socket) => this.#meet(container, socket));
    this.#servers.push(server);
    rmSync(paths.pagesSocket, { force: true });
    // A socket's name may be of 107 bytes, and a directory of ours has more.
    const directory = openSync(paths.directory, constants.O_RDONLY | constants.O_DIRECTORY);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(`/proc/self/fd/${directory}/${basename(paths.pagesSocket)}`, resolve);
    try {
      await promise;
    } catch (error) {
      throw Fault.from(error, 'TargetPrepareFailed', `cannot listen at ${paths.pagesSocket}`);
    } finally {
      closeSync(directory);
    }
  }

  #meet(container: string, socket: Socket): void {
    this.#askers.get(container)?.socket.destroy();
    const asker: Asker = { container, socket, open: new Map() };
    this.#askers.set(container, asker);
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= questionBytes; rest = rest.subarray(questionBytes)) {
        const question = readQuestion(rest);
        asker.open.set(question.id, question);
        this.#ask(asker, question);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#askers.get(container) === asker) this.#askers.delete(container);
    });
  }

  #ask({ container }: Asker, question: Question): void {
    this.#link?.send(kinds.Wanted, { container, ...question });
  }

  /** Of all containers. The pod has lost its memory when one has. */
  async #awaitEnd(): Promise<void> {
    const { signal } = this.#ending;
    const { record, containers } = this.#target;
    const ends = await Promise.all(
      containers.map(async ({ paths }) => {
        const end = await appearedOneOf([paths.lazyDone, paths.lazyLost], signal);
        return end === paths.lazyDone ? 'here' : 'lost';
      }),
    );
    const { memory } = record.details;
    if (memory === undefined) return;
    memory.state = ends.every((end) => end === 'here') ? 'here' : 'lost';
    this.#target.moment(memory.state === 'here' ? 'memory-here' : 'memory-lost');
    if (memory.state === 'lost') {
      const why = `nothing of the pod's memory came from ${record.plan.source_node} for ${memoryPatienceMs} ms`;
      this.#target.fail(record.step, new Fault('MemoryLost', `${why}, so it was ended on ${record.plan.target_node}`));
    }
    this.#target.save();
    this.#log.info({ memory: memory.state }, 'memory');
    this.#tell();
  }

  #tell(): void {
    const state = this.#target.record.details.memory?.state;
    if (state === 'here' || state === 'lost') this.#link?.send(kinds.Memory, { memory: state });
  }
}

function readQuestion(bytes: Buffer): Question {
  return {
    id: Number(bytes.readBigUInt64LE(0)),
    at: Number(bytes.readBigUInt64LE(8)),
    bytes: Number(bytes.readBigUInt64LE(16)),
    pid: bytes.readUInt32LE(24),
  };
}
