/** Administrative requests, over a connection that is opened for them and closed after them. */
import type { Admin } from 'kafkajs';
import { StoreUnavailableError } from '../../../errors/store-unavailable-error.ts';
import type { KafkaConnectionOptions } from '../kafka-connection-options.ts';
import { libraryClient } from './library-client.ts';

/** Attempts of one administrative request, the first included: leaders move. */
const RETRIES = 5;

/** Rejects with `StoreUnavailableError` whatever goes wrong. */
export async function withAdmin<T>(
  connection: KafkaConnectionOptions,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = libraryClient(connection, { retry: { retries: RETRIES } }).admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (cause) {
    throw new StoreUnavailableError(`Kafka at ${connection.brokers.join(', ')}`, reasonOf(cause), {
      cause,
    });
  } finally {
    await admin.disconnect();
  }
}

/** What Kafka calls itself: it stays the same whichever of its brokers are replaced. */
export async function kafkaClusterId(connection: KafkaConnectionOptions): Promise<string> {
  return await withAdmin(connection, async (admin) => (await admin.describeCluster()).clusterId);
}

/** Of several topics the library says only that there were errors, and keeps them. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const each = 'errors' in cause && Array.isArray(cause.errors) ? cause.errors : [];
  const reasons = each.filter((one) => one instanceof Error).map(({ message }) => message);
  return [cause.message, ...new Set(reasons)].join(': ');
}
