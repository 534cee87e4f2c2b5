/** What tenants may use by now, what they use of what only the store of queues knows, and how many of their clients are held back. */
import type { Broker } from '../broker/broker.ts';
import type { TenantBroker } from '../broker/tenant-broker.ts';
import type { Sample } from '../metrics/exposition.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';

export function quotaGauges(broker: Broker): readonly GaugeSource[] {
  return [
    {
      name: 'spoke_quota_limit',
      help: 'Quotas that tenants have, by key; those without a limit are not there.',
      type: 'gauge',
      read: () =>
        Array.from(broker.tenants()).flatMap(({ tenant, quota: { quotas } }) => [
          ...limitSamples(tenant, 'tenant', quotas.tenant),
          ...limitSamples(tenant, 'client', quotas.client),
        ]),
    },
    {
      name: 'spoke_quota_used',
      help: 'What counts against quotas of all queues of a tenant together, by key; only where there is one.',
      type: 'gauge',
      read: () => Array.from(broker.tenants()).flatMap((tenant) => usedSamples(tenant)),
    },
    {
      name: 'spoke_quota_held_clients',
      help: 'Clients that are not read (in), or get nothing new (out), until their rate allows it.',
      type: 'gauge',
      read: () =>
        Array.from(broker.tenants()).flatMap(({ tenant, quota }) => [
          { labels: { tenant, direction: 'in' }, value: quota.readingHeld },
          { labels: { tenant, direction: 'out' }, value: quota.deliveryHeld },
        ]),
    },
  ];
}

function usedSamples({ tenant, limits, services }: TenantBroker): readonly Sample[] {
  if (limits.durableQueue.together === undefined) return [];
  const { messages, bytes } = services.store.total(tenant);
  return [
    { labels: { tenant, quota: 'tenant.queueMessagesMax' }, value: messages },
    { labels: { tenant, quota: 'tenant.queueBytesMax' }, value: bytes },
  ];
}

function limitSamples(
  tenant: string,
  level: string,
  limits: Readonly<Record<string, number>>,
): readonly Sample[] {
  return Object.entries(limits)
    .filter(([, limit]) => limit !== Infinity)
    .map(([name, limit]) => ({ labels: { tenant, quota: `${level}.${name}` }, value: limit }));
}
