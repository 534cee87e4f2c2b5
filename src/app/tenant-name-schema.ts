/** Names of tenants in the configuration. */
import { z } from 'zod';
import { parseTenantId, type TenantId } from '../tenancy/identity.ts';

export const tenantName = z.string().transform((text, context) => {
  const tenant = parseTenantId(text);
  if (tenant !== undefined) return tenant;
  context.addIssue({
    code: 'custom',
    message: `${JSON.stringify(text)} is not a tenant name`,
    params: { fix: 'Use 1 to 64 letters, digits, dots, underscores or hyphens' },
  });
  return z.NEVER;
});

/** Empty in the configuration: none. */
export function tenantOrNone(name: TenantId | ''): TenantId | undefined {
  return name === '' ? undefined : name;
}
