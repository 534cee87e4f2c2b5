/** The brokers of the cluster. */
import type { FastifyInstance } from 'fastify';
import type { AdminPort } from '../admin-port.ts';
import { members } from '../api-schemas.ts';

export function registerMemberRoutes(app: FastifyInstance, port: Pick<AdminPort, 'members'>): void {
  app.get(
    '/api/v1/members',
    {
      schema: {
        summary: 'The brokers of the cluster as this one knows them, itself included',
        scope: 'installation',
        response: { 200: members },
      },
    },
    () => port.members(),
  );
}
