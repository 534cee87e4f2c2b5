/**
 * Global set-up of the tests that talk to one HBase: starts it, tells them where, and leaves nothing behind. It is everybody's:
 * a test makes tables of its own, and faults belong to tests with an engine of their own.
 */
import type { TestProject } from 'vitest/node';
import { HBaseEngine } from '../../engines/hbase/hbase-engine.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** ZooKeeper of the HBase of this test group, `host:port`. */
    readonly zookeeperQuorum: string;
  }
}

export default async function startHBase(project: TestProject): Promise<() => Promise<void>> {
  const engine = await HBaseEngine.start({
    progress: (text) => console.info(`HBase for project ${project.name}: ${text}`),
  });
  project.provide('zookeeperQuorum', engine.zookeeperQuorum);
  return async () => await engine.stop();
}
