/** Tenants: list, show, create, change, suspend, resume, delete. */
import type { FastifyInstance } from 'fastify';
import type { TenantId } from '../../tenancy/identity.ts';
import type { AdminPort } from '../admin-port.ts';
import { principalOf } from '../route-access.ts';
import type { TenantSettingsRequest } from '../tenants-port.ts';
import { ApiError, apiErrorSchema } from '../api-error.ts';
import { newTenant, oneTenant, tenantList, tenantSettings, tenantSummary } from '../api-schemas.ts';

interface OneTenant {
  readonly tenant: TenantId;
}

const refusals = { 400: apiErrorSchema, 404: apiErrorSchema, 409: apiErrorSchema, 503: apiErrorSchema };

export function registerTenantRoutes(app: FastifyInstance, port: Pick<AdminPort, 'tenants'>): void {
  app.get(
    '/api/v1/tenants',
    {
      schema: {
        summary: 'List tenants: all, or the one of who asks',
        scope: 'everybody',
        response: { 200: tenantList },
      },
    },
    (request) => {
      const { tenant: own } = principalOf(request);
      return { items: port.tenants.list().filter(({ tenant }) => own === undefined || tenant === own) };
    },
  );

  app.get<{ Querystring: OneTenant }>(
    '/api/v1/tenant',
    {
      schema: {
        summary: 'Show one tenant',
        scope: 'tenant',
        querystring: oneTenant,
        response: { 200: tenantSummary, 404: apiErrorSchema },
      },
    },
    ({ query }) => {
      const tenant = port.tenants.show(query.tenant);
      if (tenant === undefined)
        throw new ApiError('NOT_FOUND', `tenant "${query.tenant}" does not exist`, 'See the list of tenants');
      return tenant;
    },
  );

  app.post<{ Body: OneTenant & TenantSettingsRequest }>(
    '/api/v1/tenants',
    {
      schema: {
        summary: 'Create a tenant',
        scope: 'installation',
        audit: 'tenant.create',
        body: newTenant,
        response: { 201: tenantSummary, ...refusals },
      },
    },
    async ({ body: { tenant, ...settings } }, reply) => {
      const created = await port.tenants.create(tenant, settings);
      return reply.code(201).send(created);
    },
  );

  app.patch<{ Querystring: OneTenant; Body: TenantSettingsRequest }>(
    '/api/v1/tenant',
    {
      schema: {
        summary: 'Change the settings of a tenant; what is left out stays as it is',
        scope: 'installation',
        audit: 'tenant.change',
        querystring: oneTenant,
        body: tenantSettings,
        response: { 200: tenantSummary, ...refusals },
      },
    },
    ({ query, body }) => port.tenants.change(query.tenant, body),
  );

  app.post<{ Querystring: OneTenant }>(
    '/api/v1/tenant/suspend',
    {
      schema: {
        summary: 'Serve no client of the tenant until it is resumed; everything is kept',
        scope: 'installation',
        audit: 'tenant.suspend',
        querystring: oneTenant,
        response: { 200: tenantSummary, ...refusals },
      },
    },
    ({ query }) => port.tenants.suspend(query.tenant),
  );

  app.post<{ Querystring: OneTenant }>(
    '/api/v1/tenant/resume',
    {
      schema: {
        summary: 'Serve the clients of a suspended tenant again',
        scope: 'installation',
        audit: 'tenant.resume',
        querystring: oneTenant,
        response: { 200: tenantSummary, ...refusals },
      },
    },
    ({ query }) => port.tenants.resume(query.tenant),
  );

  app.delete<{ Querystring: OneTenant }>(
    '/api/v1/tenant',
    {
      schema: {
        summary: 'Delete a tenant with everything it has; it is gone when it is not found any more',
        scope: 'installation',
        audit: 'tenant.delete',
        querystring: oneTenant,
        response: { 202: tenantSummary, ...refusals },
      },
    },
    async ({ query }, reply) => {
      const deleting = await port.tenants.delete(query.tenant);
      return reply.code(202).send(deleting);
    },
  );
}
