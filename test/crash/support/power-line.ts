/** A TCP port that outlives the brokers behind it: cutting it ends every connection at once, unannounced. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';

export class PowerLine {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #targetPort: number | undefined;

  private constructor() {
    this.#server = createServer((client) => {
      this.#join(client);
    });
  }

  static async open(): Promise<PowerLine> {
    const line = new PowerLine();
    await new Promise<void>((resolve) => {
      line.#server.listen(0, HOST, resolve);
    });
    return line;
  }

  /** What clients connect to. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  connectTo(targetPort: number): void {
    this.#targetPort = targetPort;
  }

  /** Bytes under way in either direction are gone; new connections are closed until there is a target again. */
  cut(): void {
    this.#targetPort = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #join(client: Socket): void {
    if (this.#targetPort === undefined) {
      client.destroy();
      return;
    }
    const broker = connect({ host: HOST, port: this.#targetPort, noDelay: true });
    client.setNoDelay(true);
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
