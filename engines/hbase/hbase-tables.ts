/** Makes the tables that a broker with default settings needs, as `spoke storage apply` does. Doing it again changes nothing. */
import { configSchema } from '../../src/app/config-schema.ts';
import { openStorage } from '../../src/app/storage.ts';
import { EngineError } from '../engine.ts';
import type { Progress } from '../engine.ts';

export async function applyTables(zookeeperQuorum: string, progress: Progress): Promise<void> {
  const { hbase } = configSchema.parse({ hbase: { zookeeperQuorum } });
  const storage = await openStorage(hbase, progress);
  try {
    const problems = await storage.apply();
    if (problems.length > 0)
      throw new EngineError(`The tables in HBase are not as they should be: ${problems.join('; ')}`);
  } finally {
    storage.close();
  }
}
