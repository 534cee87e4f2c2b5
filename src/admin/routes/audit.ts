/** The audit trail as a stream, and what an operator's command changed without the broker. */
import type { FastifyInstance } from 'fastify';
import type { AdministrativeChange, AuditKind } from '../../audit/audit-event.ts';
import type { TenantId } from '../../tenancy/identity.ts';
import type { AdminPort } from '../admin-port.ts';
import { apiErrorSchema } from '../api-error.ts';
import { auditEntry, auditQuery, localChange, recordedChange } from '../api-schemas.ts';
import { recordOwn } from '../route-audit.ts';
import { JSON_LINES, spanOf, type LogStreams } from '../log-stream.ts';

interface AuditRequest {
  readonly tenant?: TenantId;
  readonly kind?: AuditKind;
  readonly since: string;
  readonly until?: string;
  readonly follow: boolean;
  readonly limit?: number;
}

/** What a command changes where no broker is asked. */
type LocalChange = Pick<AdministrativeChange, 'action' | 'tenant' | 'target' | 'outcome' | 'reason'>;

export function registerAuditRoutes(
  app: FastifyInstance,
  port: Pick<AdminPort, 'tailAudit' | 'isAuditCursor' | 'recordChange'>,
  nowMs: () => number,
  streams: LogStreams,
): void {
  app.get<{ Querystring: AuditRequest }>(
    '/api/v1/audit',
    {
      schema: {
        summary: 'Read the audit trail, and follow it; JSON lines, or server-sent events if accepted',
        scope: 'tenant',
        querystring: auditQuery,
        produces: JSON_LINES.mediaType,
        response: { 200: auditEntry, 503: apiErrorSchema },
      },
    },
    (request, reply) => {
      const { tenant, kind, limit } = request.query;
      const span = spanOf(request.query, (text) => port.isAuditCursor(text), nowMs());
      return streams.answer(request, reply, (signal) =>
        port.tailAudit({ tenant, kind, limit, ...span }, signal),
      );
    },
  );

  app.post<{ Body: LocalChange }>(
    '/api/v1/audit',
    {
      schema: {
        summary: 'Record what a command changes without the broker: users in a file, topics and tables',
        scope: 'installation',
        audit: 'itself',
        body: localChange,
        response: { 200: recordedChange, 503: apiErrorSchema },
      },
    },
    async (request) => {
      await recordOwn(request, port, request.body);
      return { recorded: true };
    },
  );
}
