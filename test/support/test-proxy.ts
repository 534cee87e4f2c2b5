/**
 * A proxy that puts bytes of a test's choice before those of a client, cut as the test says: the header and what the
 * client sends first in one piece, or in pieces of some bytes. Connects from an address of choice.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface TestProxyOptions {
  readonly port: number;
  readonly header: Buffer;
  /** Size of the pieces in which header and first bytes go out; default: all in one. */
  readonly pieceBytes?: number;
  /** Where to connect from; default 127.0.0.1. */
  readonly localAddress?: string;
}

export class TestProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  static async start(options: TestProxyOptions): Promise<TestProxy> {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (client) => {
      const broker = connect({
        host: '127.0.0.1',
        port: options.port,
        localAddress: options.localAddress ?? '127.0.0.1',
        noDelay: true,
      });
      for (const socket of [client, broker]) {
        sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      }
      broker.on('close', () => client.destroy());
      client.on('close', () => broker.destroy());
      broker.pipe(client);
      client.once('data', (first: Buffer) => {
        client.pause();
        void sendInPieces(broker, Buffer.concat([options.header, first]), options.pieceBytes).then(() => {
          client.pipe(broker);
        });
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TestProxy(server, sockets);
  }

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function sendInPieces(socket: Socket, bytes: Buffer, pieceBytes = bytes.length): Promise<void> {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    socket.write(bytes.subarray(start, start + pieceBytes));
    // The other end, in this process, may read each piece by itself.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
