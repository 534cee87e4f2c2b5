/**
 * Puts changes that are asked of the admin API on the audit trail: before the route sees the request, and once more when the change
 * was not made. What cannot be recorded is refused.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AdminAction, AdministrativeChange } from '../audit/audit-event.ts';
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import { parseTenantId } from '../tenancy/identity.ts';
import type { AdminPort } from './admin-port.ts';
import { ApiError } from './api-error.ts';
import { principalOf } from './route-access.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** undefined: it changes nothing, or was refused before it could. */
    recordedChange: AdministrativeChange | undefined;
  }
}

/** Of what the caller chooses: a client identifier may have 64 KiB. */
const TEXT_CHARACTERS_MAX = 512;

type AuditPort = Pick<AdminPort, 'recordChange' | 'noteRefusal'>;

/** To be called before routes are registered, behind `guardRoutes`. */
export function auditRoutes(
  app: FastifyInstance,
  port: AuditPort,
  onError: (error: unknown, request: string) => void,
): void {
  app.decorateRequest('recordedChange', undefined);
  app.addHook('preHandler', async (request) => {
    const action = actionOf(request);
    if (action === undefined) return;
    const change = changeOf(request, action, 'begun');
    await port.recordChange(change).catch(unrecordable);
    request.recordedChange = change;
  });
  app.addHook('onError', async (request, _reply, error) => {
    const reason = error instanceof ApiError ? `${error.code}: ${error.message}` : error.message;
    const { recordedChange, principal } = request;
    if (recordedChange !== undefined) {
      const failed = { ...recordedChange, outcome: 'failed', reason: shortened(reason) } as const;
      await port.recordChange(failed).catch((cause: unknown) => {
        onError(cause, `${request.method} ${request.routeOptions.url ?? ''}: that it failed`);
      });
      return;
    }
    const action = principal === undefined ? undefined : actionOf(request);
    if (action === undefined || !(error instanceof ApiError) || error.code !== 'FORBIDDEN') return;
    port.noteRefusal({
      ...changeOf(request, action, 'refused'),
      outcome: 'refused',
      reason: shortened(reason),
    });
  });
}

/** For the route that records what was changed elsewhere. Rejects with an `ApiError`. */
export async function recordOwn(
  request: FastifyRequest,
  port: Pick<AdminPort, 'recordChange'>,
  change: Pick<AdministrativeChange, 'action' | 'tenant' | 'target' | 'outcome' | 'reason'>,
): Promise<void> {
  const asked = changeOf(request, change.action, change.outcome);
  await port.recordChange({ ...asked, ...change }).catch(unrecordable);
}

function unrecordable(cause: unknown): never {
  if (!(cause instanceof StoreUnavailableError)) throw cause;
  throw new ApiError(
    'AUDIT_UNAVAILABLE',
    'nothing was changed: the audit trail cannot be written to now',
    'Try again when the event log works: see /health/ready and the log of the broker',
    { cause },
  );
}

function actionOf(request: FastifyRequest): AdminAction | undefined {
  const audit = request.routeOptions.schema?.audit;
  if (audit === 'itself') return undefined;
  return typeof audit === 'function' ? audit(request) : audit;
}

function changeOf<Outcome extends AdministrativeChange['outcome']>(
  request: FastifyRequest,
  action: AdminAction,
  outcome: Outcome,
): AdministrativeChange & { readonly outcome: Outcome } {
  const agent = request.headers['user-agent'];
  const tenant = named(request, 'tenant');
  return {
    kind: 'administrativeChange',
    who: principalOf(request).name,
    agent: agent && shortened(agent),
    address: request.ip,
    action,
    tenant: tenant === undefined ? undefined : parseTenantId(tenant),
    target: named(request, 'client') ?? named(request, 'target') ?? tenant,
    outcome,
  };
}

/** A text that the request names in its path, its query or its body. */
function named({ params, query, body }: FastifyRequest, name: string): string | undefined {
  for (const place of [params, query, body]) {
    if (place === null || typeof place !== 'object') continue;
    const value: unknown = Reflect.get(place, name);
    if (typeof value === 'string') return shortened(value);
  }
  return undefined;
}

function shortened(text: string): string {
  return text.length > TEXT_CHARACTERS_MAX ? `${text.slice(0, TEXT_CHARACTERS_MAX)}…` : text;
}
