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
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StoreUnavailableError(`Kafka at ${connection.brokers.join(', ')}`, reason, { cause });
  } finally {
    await admin.disconnect();
  }
}

/** What Kafka calls itself: it stays the same whichever of its brokers are replaced. */
export async function kafkaClusterId(connection: KafkaConnectionOptions): Promise<string> {
  return await withAdmin(connection, async (admin) => (await admin.describeCluster()).clusterId);
}
