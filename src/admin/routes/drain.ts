/** Draining: begin, see how far it is, call it off. */
import type { FastifyInstance } from 'fastify';
import type { AdminPort, DrainRequest } from '../admin-port.ts';
import { apiErrorSchema } from '../api-error.ts';
import { drainRequest, drainStatus } from '../api-schemas.ts';

type DrainPort = Pick<AdminPort, 'beginDrain' | 'drainStatus' | 'cancelDrain'>;

export function registerDrainRoutes(app: FastifyInstance, port: DrainPort): void {
  app.post<{ Body: DrainRequest }>(
    '/api/v1/drain',
    {
      schema: {
        summary: 'Take no clients any more, and ask those that are connected to go elsewhere',
        scope: 'installation',
        audit: 'drain.begin',
        body: drainRequest,
        response: { 200: drainStatus, 409: apiErrorSchema },
      },
      // No body: everything as it is by default.
      preValidation: (request, _reply, done) => {
        if ((request.body as unknown) === undefined) request.body = {} as DrainRequest;
        done();
      },
    },
    ({ body }) => port.beginDrain(body),
  );

  app.get(
    '/api/v1/drain',
    { schema: { summary: 'How far the drain is', scope: 'installation', response: { 200: drainStatus } } },
    () => port.drainStatus(),
  );

  app.delete(
    '/api/v1/drain',
    {
      schema: {
        summary: 'Take clients again',
        scope: 'installation',
        audit: 'drain.cancel',
        response: { 200: drainStatus },
      },
    },
    () => port.cancelDrain(),
  );
}
