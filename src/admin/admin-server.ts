/**
 * The admin API as an HTTP server. Knows the broker only as `AdminPort`; what it refuses, it explains in JSON.
 */
import type { FastifyInstance } from 'fastify';
import type { AdminToken } from './access.ts';
import type { AdminPort } from './admin-port.ts';
import { httpApp, listenAt, type HttpAppOptions } from './http-app.ts';
import { LogStreams } from './log-stream.ts';
import { OpenApiDocument } from './openapi.ts';
import { guardRoutes } from './route-access.ts';
import { auditRoutes } from './route-audit.ts';
import { registerAuditRoutes } from './routes/audit.ts';
import { registerDrainRoutes } from './routes/drain.ts';
import { registerEventRoutes } from './routes/events.ts';
import { registerMemberRoutes } from './routes/members.ts';
import { registerHealthRoutes, registerStatusRoute } from './routes/observation.ts';
import { registerQueueRoutes } from './routes/queues.ts';
import { registerSessionRoutes } from './routes/sessions.ts';
import { registerTenantRoutes } from './routes/tenants.ts';

export interface AdminServerOptions extends HttpAppOptions {
  readonly port: AdminPort;
  /** What requests below `/api` have to carry one of. */
  readonly tokens: () => readonly AdminToken[];
  /** Whether `/metrics` wants one too. */
  readonly metricsNeedToken: boolean;
  readonly version: string;
  /** What `-2h` is counted from, milliseconds since 1970. */
  readonly nowMs: () => number;
}

export class AdminServer {
  /** For tests, which send requests without a socket. */
  readonly app: FastifyInstance;

  constructor(options: AdminServerOptions) {
    this.app = httpApp(options);
    guardRoutes(this.app, { ...options, closed: options.metricsNeedToken ? ['/metrics'] : [] });
    auditRoutes(this.app, options.port, options.onError);
    const document = new OpenApiDocument(options.version);
    this.app.addHook('onRoute', (route) => {
      document.add(route);
    });
    registerHealthRoutes(this.app, options.port);
    registerStatusRoute(this.app, options.port);
    registerMemberRoutes(this.app, options.port);
    registerTenantRoutes(this.app, options.port);
    registerSessionRoutes(this.app, options.port, options.nowMs);
    registerQueueRoutes(this.app, options.port);
    registerDrainRoutes(this.app, options.port);
    const streams = new LogStreams(this.app);
    registerEventRoutes(this.app, options.port, options.nowMs, streams);
    registerAuditRoutes(this.app, options.port, options.nowMs, streams);
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
