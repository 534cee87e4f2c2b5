/** A TCP proxy whose connections a test cuts, or holds up: then nothing passes, and neither end hears of it. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class HeldUpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isHeldUp = false;

  static async start(targetPort: number): Promise<HeldUpProxy> {
    const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HeldUpProxy(server, targetPort);
  }

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (from) => {
      this.#pass(from);
    });
  }

  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  holdUp(): void {
    this.#isHeldUp = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  letPass(): void {
    this.#isHeldUp = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #pass(from: Socket): void {
    const to = connect({
      port: this.#targetPort,
      host: '127.0.0.1',
      noDelay: true,
      allowHalfOpen: true,
    });
    const pair = [from, to] as const;
    this.#pairs.add(pair);
    for (const [one, other] of [pair, [to, from] as const]) {
      one.on('data', (chunk: Buffer) => other.write(chunk));
      one.on('end', () => other.end());
      one.on('error', () => undefined);
      one.on('close', () => {
        other.destroy();
        this.#pairs.delete(pair);
      });
      if (this.#isHeldUp) one.pause();
      else one.resume();
    }
  }
}
