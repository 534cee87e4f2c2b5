/** Asks one Kafka broker how many there are in its cluster: answered only when it has joined. */
import { Kafka, logLevel } from 'kafkajs';

const ANSWER_MS_MAX = 2_000;

export async function countBrokers(address: string): Promise<number> {
  const kafka = new Kafka({
    brokers: [address],
    logLevel: logLevel.NOTHING,
    connectionTimeout: ANSWER_MS_MAX,
    requestTimeout: ANSWER_MS_MAX,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    return brokers.length;
  } finally {
    await admin.disconnect();
  }
}
