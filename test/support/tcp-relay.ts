/** A piece of network between a client and a server that a test can break: connections refused, or bytes that do not arrive. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class TcpRelay {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: 'passes' | 'holds' | 'refuses' = 'passes';

  static async start(to: { readonly host: string; readonly port: number }): Promise<TcpRelay> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpRelay(server, to);
  }

  private constructor(server: Server, to: { readonly host: string; readonly port: number }) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => {
      if (this.#state === 'refuses') {
        client.destroy();
        return;
      }
      const far = connect({ ...to, noDelay: true });
      this.#join(client, far);
      this.#join(far, client);
    });
  }

  /** Connections end, and new ones are ended at once. */
  refuse(): void {
    this.#state = 'refuses';
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing arrives, and nobody is told. */
  hold(): void {
    this.#state = 'holds';
    for (const socket of this.#sockets) socket.pause();
  }

  /** As in the beginning; what was held arrives. */
  mend(): void {
    this.#state = 'passes';
    for (const socket of this.#sockets) socket.resume();
  }

  close(): void {
    this.#server.close();
    this.refuse();
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (chunk) => to.write(chunk));
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#state === 'holds') from.pause();
  }
}
