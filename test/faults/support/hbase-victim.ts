/** The built broker as a child process, with its queues in an HBase that a test breaks. */
import { expect } from 'vitest';
import type { HBaseEngine } from '../../../engines/hbase/hbase-engine.ts';
import { configSchema, type SpokeConfig } from '../../../src/app/config-schema.ts';
import { openStorage } from '../../../src/app/storage.ts';
import type { Victim } from '../../crash/support/crash-rig.ts';
import { spawnedVictim } from './spawned-victim.ts';

/** Longer than HBase takes to find a dead server and to recover its regions on a busy machine. */
const STORE_TIMEOUT_MS = 120_000;

let namespaces = 0;

export interface HBaseVictim extends Victim {
  /** `namespace:table` of its queues. */
  readonly table: string;
}

/** Makes the table; the broker itself is started by the rig. */
export async function hbaseVictim(engine: HBaseEngine): Promise<HBaseVictim> {
  const namespace = `faults_${++namespaces}`;
  const hbase = configSchema.parse({ hbase: { namespace, zookeeperQuorum: engine.zookeeperQuorum } }).hbase;
  const table = await makeTable(hbase);
  const victim = await spawnedVictim({
    settings: {
      SPOKE_QUEUES_STORE: 'hbase',
      SPOKE_HBASE_NAMESPACE: namespace,
      SPOKE_HBASE_ZOOKEEPER_QUORUM: engine.zookeeperQuorum,
      SPOKE_LIMITS_STORE_TIMEOUT_MS: `${STORE_TIMEOUT_MS}`,
    },
    // What sessions there are is known there and nowhere else.
    losesItsDisk: false,
  });
  return { ...victim, table };
}

async function makeTable(hbase: SpokeConfig['hbase']): Promise<string> {
  const storage = await openStorage(hbase, () => undefined);
  try {
    expect(await storage.apply()).toEqual([]);
    return storage.queueTable;
  } finally {
    storage.close();
  }
}
