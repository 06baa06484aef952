/** Servers on this machine that go away and come back at the same port. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface LocalServer {
  port: number;
  goAway: () => Promise<void>;
  comeBack: () => Promise<void>;
}

/** @param answer what becomes of a connection */
export async function listen(answer: (socket: Socket) => void): Promise<LocalServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    answer(socket);
  });
  const comeBack = async (port: number) => {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  };
  await comeBack(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    comeBack: async () => await comeBack(port),
    async goAway() {
      if (!server.listening) return;
      const closed = once(server.close(), 'close');
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** By hand, for a server of Node's would not misbehave in all the ways that are wanted. */
export function answerHttp(socket: Socket, status: string, body = ''): void {
  socket.once('data', () => socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 1000\r\n\r\n${body}`));
}
