/**
 * Global set-up of the tests that talk to one Kafka: starts it, tells them where, and leaves nothing behind. It is everybody's:
 * a test makes topics of its own, and faults belong to tests with an engine of their own.
 */
import type { TestProject } from 'vitest/node';
import { KafkaEngine } from '../../engines/kafka/kafka-engine.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Kafka of this test group, `host:port`. */
    readonly kafkaAddress: string;
    /** Where its broker keeps its data: how far the log cleaner has come is to be read there. */
    readonly kafkaDirectory: string;
  }
}

export default async function startKafka(project: TestProject): Promise<() => Promise<void>> {
  const engine = await KafkaEngine.start({
    progress: (text) => console.info(`Kafka for project ${project.name}: ${text}`),
  });
  project.provide('kafkaAddress', engine.addresses.join(','));
  project.provide('kafkaDirectory', engine.dataDirectory);
  return async () => await engine.stop();
}
