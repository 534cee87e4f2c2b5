/** Global set-up of the tests that talk to one Kafka and one HBase at the same time. */
import type { TestProject } from 'vitest/node';
import startHBase from './hbase-group.ts';
import startKafka from './kafka-group.ts';

export default async function startBoth(project: TestProject): Promise<() => Promise<void>> {
  const stopHBase = await startHBase(project);
  try {
    const stopKafka = await startKafka(project);
    return async () => {
      await stopKafka();
      await stopHBase();
    };
  } catch (error) {
    await stopHBase();
    throw error;
  }
}
