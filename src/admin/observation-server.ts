/** Metrics, health and readiness of a process that is no broker: the same paths as a broker's, and nothing else. */
import type { FastifyInstance } from 'fastify';
import type { AdminPort } from './admin-port.ts';
import { httpApp, listenAt, type HttpAppOptions } from './http-app.ts';
import { registerHealthRoutes } from './routes/observation.ts';

export interface ObservationServerOptions extends HttpAppOptions {
  readonly port: Pick<AdminPort, 'metrics' | 'readiness'>;
}

export class ObservationServer {
  /** For tests, which send requests without a socket. */
  readonly app: FastifyInstance;

  constructor(options: ObservationServerOptions) {
    this.app = httpApp(options);
    registerHealthRoutes(this.app, options.port);
  }

  /** Resolves to the URL it answers at; `port` 0 lets the system choose. Rejects when the address is taken. */
  async listen(host: string, port: number): Promise<string> {
    return await listenAt(this.app, host, port);
  }

  async close(): Promise<void> {
    await this.app.close();
  }
}
