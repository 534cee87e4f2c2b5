/**
 * The admin API as an HTTP server. Knows the broker only as `AdminPort`; what it refuses, it explains in JSON.
 */
import type { FastifyInstance } from 'fastify';
import { checkToken } from './access.ts';
import type { AdminPort } from './admin-port.ts';
import { httpApp, listenAt, type HttpAppOptions } from './http-app.ts';
import { OpenApiDocument } from './openapi.ts';
import { registerDrainRoutes } from './routes/drain.ts';
import { registerEventRoutes } from './routes/events.ts';
import { registerMemberRoutes } from './routes/members.ts';
import { registerHealthRoutes, registerStatusRoute } from './routes/observation.ts';
import { registerQueueRoutes } from './routes/queues.ts';
import { registerSessionRoutes } from './routes/sessions.ts';

export interface AdminServerOptions extends HttpAppOptions {
  readonly port: AdminPort;
  /** What requests below `/api` have to carry. */
  readonly token: string;
  readonly version: string;
  /** What `-2h` is counted from, milliseconds since 1970. */
  readonly nowMs: () => number;
}

export class AdminServer {
  /** For tests, which send requests without a socket. */
  readonly app: FastifyInstance;

  constructor(options: AdminServerOptions) {
    this.app = httpApp(options);
    guard(this.app, options.token);
    const document = new OpenApiDocument(options.version);
    this.app.addHook('onRoute', (route) => {
      document.add(route);
    });
    registerHealthRoutes(this.app, options.port);
    registerStatusRoute(this.app, options.port);
    registerMemberRoutes(this.app, options.port);
    registerSessionRoutes(this.app, options.port, options.nowMs);
    registerQueueRoutes(this.app, options.port);
    registerDrainRoutes(this.app, options.port);
    registerEventRoutes(this.app, options.port, options.nowMs);
    this.app.get('/openapi.json', () => document.toJSON());
  }

  /** Resolves to the URL it answers at; `port` 0 lets the system choose. Rejects when the address is taken. */
  async listen(host: string, port: number): Promise<string> {
    return await listenAt(this.app, host, port);
  }

  /** Ends tails and other requests. */
  async close(): Promise<void> {
    await this.app.close();
  }
}

function guard(app: FastifyInstance, token: string): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.url.startsWith('/api/')) checkToken(request.headers.authorization, token);
    done();
  });
}
