/** Durable queues: list, show, purge. */
import type { FastifyInstance } from 'fastify';
import type { AdminPort, QueueQuery } from '../admin-port.ts';
import { ApiError, apiErrorSchema } from '../api-error.ts';
import { oneClient, purged, queueDetail, queuePage, queuesQuery } from '../api-schemas.ts';
import type { OneClient } from './sessions.ts';

function noQueue({ tenant, client }: OneClient): ApiError {
  return new ApiError(
    'NOT_FOUND',
    `client ${JSON.stringify(client)} of tenant "${tenant}" has no durable queue here`,
    'Only persistent sessions have one: see the list of queues, or name another tenant',
  );
}

export function registerQueueRoutes(app: FastifyInstance, port: AdminPort): void {
  app.get<{ Querystring: QueueQuery }>(
    '/api/v1/queues',
    {
      schema: {
        summary: 'List queues that hold messages',
        scope: 'tenant',
        querystring: queuesQuery,
        response: { 200: queuePage },
      },
    },
    ({ query }) => port.listQueues(query),
  );

  app.get<{ Querystring: OneClient }>(
    '/api/v1/queue',
    {
      schema: {
        summary: 'Show the queue of one client',
        scope: 'tenant',
        querystring: oneClient,
        response: { 200: queueDetail, 404: apiErrorSchema },
      },
    },
    async ({ query }) => {
      const queue = await port.showQueue(query.tenant, query.client);
      if (queue === undefined) throw noQueue(query);
      return queue;
    },
  );

  app.delete<{ Querystring: OneClient }>(
    '/api/v1/queue/messages',
    {
      schema: {
        summary: 'Remove every message that waits for one client',
        scope: 'tenant',
        audit: 'queue.purge',
        querystring: oneClient,
        response: { 200: purged, 404: apiErrorSchema },
      },
    },
    async ({ query }) => {
      const messages = await port.purgeQueue(query.tenant, query.client);
      if (messages === undefined) throw noQueue(query);
      return { messages };
    },
  );
}
