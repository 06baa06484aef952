import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** A cable between the source and the target that can be pulled, cut or be noisy. It sees what a cable sees: TCP. */
export class Wire {
  readonly #server: Server;
  readonly #ends = new Set<Socket>();
  #noisy = false;
  #silent = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server);
    server.on('connection', (near) => wire.#join(near, connect({ host: '127.0.0.1', port })));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return wire;
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the wire is not up');
    return `127.0.0.1:${address.port}`;
  }

  /** Nothing gets through any more, and nobody is told. */
  cut(): void {
    this.#silent = true;
  }

  /** Both ends see the other one go. */
  drop(): void {
    for (const end of this.#ends) end.destroy();
  }

  /** One byte of what the source sends next arrives as another one. */
  disturb(): void {
    this.#noisy = true;
  }

  close(): void {
    this.drop();
    this.#server.close();
  }

  #join(near: Socket, far: Socket): void {
    this.#carry(near, far, true);
    this.#carry(far, near, false);
  }

  #carry(from: Socket, to: Socket, fromSource: boolean): void {
    this.#ends.add(from);
    from.on('error', () => {});
    from.on('close', () => {
      this.#ends.delete(from);
      if (!this.#silent) to.destroy();
    });
    from.on('end', () => !this.#silent && to.end());
    from.on('data', (chunk: Buffer) => {
      if (this.#silent) return;
      if (fromSource && this.#noisy && chunk.length > 1_000) {
        this.#noisy = false;
        chunk.writeUInt8(chunk.readUInt8(900) ^ 1, 900);
      }
      if (to.write(chunk)) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
  }
}
