/** `TenantLimits` as somebody writes them: in the configuration, and for one tenant through the admin API. */
import { z } from 'zod';
import type { ClientQuotaName, TenantQuotaName } from './tenant-limits.ts';

/** More than any client can be told. */
const PROTOCOL_MAX = 65_535;
const PACKET_BYTES_MAX = 268_435_460;

type Shape<Name extends string> = Readonly<Record<Name, z.ZodInt>>;

const limit = (description: string, max = Number.MAX_SAFE_INTEGER) =>
  z.int().min(0).max(max).describe(`${description}; 0: no limit.`);

const ofTenant: Shape<TenantQuotaName> = {
  connectionsMax: limit('Connections of one tenant at a time, over all brokers'),
  connectionRateMax: limit('Connections of one tenant per second, to one broker'),
  publishRateMax: limit(
    'PUBLISH packets of one tenant per second, to one broker; above it clients are not read',
  ),
  bytesInRateMax: limit(
    'Bytes from clients of one tenant per second, to one broker; above it they are not read',
  ),
  bytesOutRateMax: limit(
    'Bytes to clients of one tenant per second, from one broker; above it they get nothing new',
  ),
  subscriptionsMax: limit('Subscriptions of one tenant'),
  sessionsMax: limit('Sessions of one tenant, connected or not'),
  retainedMessagesMax: limit('Retained messages of one tenant'),
  retainedBytesMax: limit('Bytes of retained messages of one tenant'),
  queueMessagesMax: limit('Messages in the durable queues of all clients of one tenant together'),
  queueBytesMax: limit('Bytes in the durable queues of all clients of one tenant together'),
};

const ofClient: Shape<ClientQuotaName> = {
  connectionRateMax: limit('Connections of one client identifier per second, to one broker'),
  publishRateMax: limit('PUBLISH packets of one client per second; above it the client is not read'),
  bytesInRateMax: limit('Bytes from one client per second; above it the client is not read'),
  bytesOutRateMax: limit('Bytes to one client per second; above it the client gets nothing new'),
  subscriptionsMax: limit('Subscriptions of one client'),
  retainedMessagesMax: limit('Retained messages that one client published'),
  retainedBytesMax: limit('Bytes of retained messages that one client published'),
  queueMessagesMax: limit('Messages waiting for one client'),
  queueBytesMax: limit('Bytes waiting for one client'),
  packetBytesMax: limit('Largest packet of a client, bytes; announced to MQTT 5 clients', PACKET_BYTES_MAX),
  receiveMaximum: limit(
    'QoS 1 and 2 messages a client may send without waiting; announced to it',
    PROTOCOL_MAX,
  ),
  inFlightMax: limit('Unacknowledged messages sent to one client', PROTOCOL_MAX),
};

/** Where something is missing, what is configured counts. */
export const tenantLimitsSchema = z.strictObject({
  tenant: z.strictObject(ofTenant).partial().optional(),
  client: z.strictObject(ofClient).partial().optional(),
});

/** The section `quotas` of the configuration: for tenants that nothing else is said of. */
export const quotasSchema = z.strictObject({
  tenant: z.strictObject(withoutLimits(ofTenant)).prefault({}),
  client: z.strictObject(withoutLimits(ofClient)).prefault({}),
});

function withoutLimits<Name extends string>(shape: Shape<Name>): Record<Name, z.ZodDefault<z.ZodInt>> {
  const entries = Object.entries<z.ZodInt>(shape).map(([name, each]) => [name, each.default(0)]);
  return Object.fromEntries(entries) as Record<Name, z.ZodDefault<z.ZodInt>>;
}
