/**
 * What a principal may do with a route below `/api`, decided before the route sees the request. A route says what it is about, and one
 * that changes something as what it goes on the audit trail; one that does not say cannot be registered.
 */
import type { FastifyInstance, FastifyRequest, FastifySchema, RouteOptions } from 'fastify';
import type { AdminAction } from '../audit/audit-event.ts';
import { principalOfToken, type AdminToken } from './access.ts';
import type { AdminPort } from './admin-port.ts';
import type { AdminPrincipal } from './admin-principal.ts';
import { ApiError } from './api-error.ts';

/**
 * `tenant`: things of one tenant, named by a parameter `tenant` in the query or the path, or of every tenant where it is left out;
 * a principal with a tenant is held to its own. `installation`: nothing that a single tenant may see. `everybody`: the route itself
 * looks at who asks.
 */
export const ROUTE_SCOPES = ['tenant', 'installation', 'everybody'] as const;
export type RouteScope = (typeof ROUTE_SCOPES)[number];

declare module 'fastify' {
  interface FastifySchema {
    readonly scope?: RouteScope;
    /** Of a route that changes something. A function: it depends on the request. `itself`: recording is all that it does. */
    readonly audit?: AdminAction | ((request: FastifyRequest) => AdminAction) | 'itself';
  }
  interface FastifyRequest {
    /** undefined: not below `/api`, where nobody is asked who he is. */
    principal: AdminPrincipal | undefined;
  }
}

const BELOW_API = '/api/';

/** Whoever asks below `/api`. */
export function principalOf({ principal }: FastifyRequest): AdminPrincipal {
  if (principal === undefined) throw new Error('route-access: a route that nobody guards');
  return principal;
}

export interface AccessOptions {
  /** Asked again for every request: they may be read again. */
  readonly tokens: () => readonly AdminToken[];
  /** Paths besides those below `/api` that want a token. */
  readonly closed: readonly string[];
  readonly port: Pick<AdminPort, 'noteRefusal'>;
}

/** To be called before routes are registered. */
export function guardRoutes(app: FastifyInstance, { tokens, closed, port }: AccessOptions): void {
  app.decorateRequest('principal', undefined);
  app.addHook('onRoute', assertDeclared);
  app.addHook('onRequest', (request, _reply, done) => {
    const { url, ip, headers } = request;
    if (url.startsWith(BELOW_API) || closed.includes(pathOf(url))) {
      try {
        request.principal = principalOfToken(headers.authorization, tokens());
      } catch (error) {
        port.noteRefusal({
          kind: 'refusedLogin',
          tenant: undefined,
          clientName: '',
          clientId: '',
          address: ip,
          method: 'adminToken',
          reason: 'notAuthorized',
        });
        throw error;
      }
    }
    done();
  });
  app.addHook('preValidation', (request, _reply, done) => {
    const { principal } = request;
    const { schema } = request.routeOptions;
    // Paths that there are not have no schema, and answer 404.
    if (principal !== undefined && schema?.scope !== undefined) admit(request, principal, schema.scope);
    done();
  });
}

function assertDeclared({ url, method, schema }: RouteOptions): void {
  if (!url.startsWith(BELOW_API)) return;
  const route = `${String(method)} ${url}`;
  if (schema?.scope === undefined) throw new Error(`route-access: ${route} does not say its scope`);
  if (schema.scope === 'tenant' && !namesTenant(url, schema.querystring))
    throw new Error(`route-access: ${route} is about a tenant and has no parameter for it`);
  if (changesSomething(String(method)) && schema.audit === undefined)
    throw new Error(`route-access: ${route} does not say as what it goes on the audit trail`);
}

function namesTenant(url: string, querystring: unknown): boolean {
  if (url.split('/').includes(':tenant')) return true;
  const properties: unknown =
    querystring !== null && typeof querystring === 'object'
      ? Reflect.get(querystring, 'properties')
      : undefined;
  return properties !== null && typeof properties === 'object' && 'tenant' in properties;
}

export function changesSomething(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

function admit(request: FastifyRequest, principal: AdminPrincipal, scope: RouteScope): void {
  if (principal.role === 'viewer' && changesSomething(request.method))
    throw forbidden(principal, 'is a viewer', 'Use the token of an admin');
  if (principal.tenant === undefined || scope === 'everybody') return;
  if (scope === 'installation')
    throw forbidden(
      principal,
      `is of tenant "${principal.tenant}", and this is of the whole installation`,
      'Use a token without a tenant',
    );
  const named = holderOf(request);
  named['tenant'] ??= principal.tenant;
  if (named['tenant'] !== principal.tenant)
    throw forbidden(
      principal,
      `is of tenant "${principal.tenant}" only`,
      'Leave the tenant out, or name that one',
    );
}

/** Where the request names a tenant, or may. */
function holderOf({ params, query }: FastifyRequest): Record<string, unknown> {
  const inPath = params as Record<string, unknown>;
  return 'tenant' in inPath ? inPath : (query as Record<string, unknown>);
}

function forbidden({ name }: AdminPrincipal, why: string, fix: string): ApiError {
  return new ApiError('FORBIDDEN', `the token "${name}" ${why}`, fix);
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

/** For the OpenAPI document: who may use the route, and as what a use of it goes on the audit trail. */
export function accessOf(method: string, { scope, audit }: FastifySchema): Readonly<Record<string, unknown>> {
  if (scope === undefined) return {};
  return {
    'x-scope': scope,
    'x-role': changesSomething(method) ? 'admin' : 'viewer',
    ...(audit === undefined ? {} : { 'x-audited': true }),
    ...(typeof audit === 'string' ? { 'x-audited-as': audit } : {}),
  };
}
