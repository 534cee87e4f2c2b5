/**
 * Ports kept for servers that start later: somebody listens on each until it is given, so that nobody else is told it is free, however long
 * what comes before takes.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

export class HeldPorts {
  readonly #servers = new Map<number, Server>();

  /** false: somebody else has it. */
  async hold(port: number): Promise<boolean> {
    const server = createServer((socket) => socket.destroy());
    // The process may end whatever is held.
    server.unref();
    const held = new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.once('listening', () => resolve(true));
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    if (!(await held)) return false;
    this.#servers.set(port, server);
    return true;
  }

  /** Free from now on, for whoever is about to listen there. Ports that are not held are left alone. */
  async give(ports: Iterable<number>): Promise<void> {
    for (const port of ports) {
      const server = this.#servers.get(port);
      if (server === undefined) continue;
      this.#servers.delete(port);
      const closed = once(server, 'close');
      server.close();
      await closed;
    }
  }

  async giveAll(): Promise<void> {
    await this.give([...this.#servers.keys()]);
  }
}
