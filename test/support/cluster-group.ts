/** Global set-up of the tests that talk to one Kafka and one HBase at the same time. */
import type { TestProject } from 'vitest/node';
import startHBase from './hbase-group.ts';
import startKafka from './kafka-group.ts';

export default async function startBoth(project: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.allSettled([startHBase(project), startKafka(project)]);
  const stops = started.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const stopAll = async (): Promise<void> => {
    await Promise.all(stops.map((stop) => stop()));
  };
  const failed = started.find((start) => start.status === 'rejected');
  if (failed === undefined) return stopAll;
  await stopAll();
  throw failed.reason;
}
