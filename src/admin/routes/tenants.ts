/** Tenants: list, show, create, change, suspend, resume, delete. */
import type { FastifyInstance } from 'fastify';
import type { TenantId } from '../../tenancy/identity.ts';
import type { AdminPort } from '../admin-port.ts';
import type { TenantSettingsRequest, TenantSummary } from '../tenants-port.ts';
import { ApiError, apiErrorSchema } from '../api-error.ts';
import { newTenant, oneTenant, tenantList, tenantSettings, tenantSummary } from '../api-schemas.ts';

interface OneTenant {
  readonly tenant: TenantId;
}

const refusals = { 400: apiErrorSchema, 404: apiErrorSchema, 409: apiErrorSchema, 503: apiErrorSchema };

export function registerTenantRoutes(app: FastifyInstance, port: Pick<AdminPort, 'tenants'>): void {
  app.get('/api/v1/tenants', { schema: { summary: 'List tenants', response: { 200: tenantList } } }, () => ({
    items: port.tenants.list(),
  }));

  app.get<{ Querystring: OneTenant }>(
    '/api/v1/tenant',
    {
      schema: {
        summary: 'Show one tenant',
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
        querystring: oneTenant,
        body: tenantSettings,
        response: { 200: tenantSummary, ...refusals },
      },
    },
    ({ query, body }) => port.tenants.change(query.tenant, body),
  );

  const command = (
    path: string,
    summary: string,
    run: (tenant: TenantId) => Promise<TenantSummary>,
  ): void => {
    app.post<{ Querystring: OneTenant }>(
      path,
      { schema: { summary, querystring: oneTenant, response: { 200: tenantSummary, ...refusals } } },
      ({ query }) => run(query.tenant),
    );
  };
  command(
    '/api/v1/tenant/suspend',
    'Serve no client of the tenant until it is resumed; everything is kept',
    (name) => port.tenants.suspend(name),
  );
  command('/api/v1/tenant/resume', 'Serve the clients of a suspended tenant again', (name) =>
    port.tenants.resume(name),
  );

  app.delete<{ Querystring: OneTenant }>(
    '/api/v1/tenant',
    {
      schema: {
        summary: 'Delete a tenant with everything it has; it is gone when it is not found any more',
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
