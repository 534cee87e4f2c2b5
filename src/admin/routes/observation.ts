/**
 * What machines ask all day: metrics, health, readiness; open on loopback. And the status page, which is not. All of them answer
 * while the broker starts. Health has two names, Kubernetes' and ours.
 */
import type { FastifyInstance } from 'fastify';
import type { AdminPort, BrokerStatus } from '../admin-port.ts';
import type { AdminPrincipal } from '../admin-principal.ts';
import { readiness, status } from '../api-schemas.ts';
import { principalOf } from '../route-access.ts';

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const text = { type: 'string' } as const;

export function registerHealthRoutes(
  app: FastifyInstance,
  port: Pick<AdminPort, 'metrics' | 'readiness'>,
): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary: "Metrics in Prometheus' text format",
        scope: 'installation',
        produces: 'text/plain',
        response: { 200: text },
      },
    },
    async (_request, reply) => reply.type(METRICS_TYPE).send(await port.metrics()),
  );

  for (const path of ['/health/live', '/healthz']) {
    app.get(
      path,
      { schema: { summary: 'Whether the process answers', produces: 'text/plain', response: { 200: text } } },
      (_request, reply) => reply.type('text/plain').send('ok\n'),
    );
  }

  for (const path of ['/health/ready', '/readyz']) {
    app.get(
      path,
      { schema: { summary: 'Whether clients are served', response: { 200: readiness, 503: readiness } } },
      (_request, reply) => {
        const answer = port.readiness();
        return reply.code(answer.ready ? 200 : 503).send(answer);
      },
    );
  }
}

export function registerStatusRoute(app: FastifyInstance, port: Pick<AdminPort, 'status'>): void {
  app.get(
    '/api/v1/status',
    {
      schema: {
        summary: 'The broker, its start, its listeners and tenants',
        scope: 'everybody',
        whileStarting: true,
        response: { 200: status },
      },
    },
    async (request) => statusFor(principalOf(request), await port.status()),
  );
}

/** Counts of the start are of all tenants together. */
function statusFor({ tenant }: AdminPrincipal, status: BrokerStatus): BrokerStatus {
  if (tenant === undefined) return status;
  return {
    ...status,
    startup: status.startup.map((phase) => ({ ...phase, count: undefined })),
    tenants: status.tenants.filter((each) => each.tenant === tenant),
  };
}
