/** `npm run engines -- hbase start`: its options, and what it leaves running. */
import type { Command } from 'commander';
import type { EngineCommand } from '../engine.ts';
import { whole } from '../whole-number.ts';
import { HBaseEngine } from './hbase-engine.ts';
import { applyTables } from './hbase-tables.ts';

/** ZooKeeper's own: what a client assumes that is not told. */
const ZOOKEEPER_PORT = 2181;
const PORT_MAX = 65_535;
const REGION_SERVERS_MAX = 16;
const HEAP_MB_MAX = 65_536;

interface HBaseStartOptions {
  readonly regionServers?: number;
  readonly zookeeperPort: number;
  readonly walSync?: boolean;
  readonly heapMb?: number;
}

export const hbaseCommand: EngineCommand = {
  name: 'hbase',
  summary: 'HBase with its ZooKeeper',
  addOptions: (start: Command) =>
    start
      .option('--zookeeper-port <port>', 'where clients find it', whole(1, PORT_MAX), ZOOKEEPER_PORT)
      .option(
        '--region-servers <number>',
        'ZooKeeper, master and so many region servers as processes of their own (default: all in one)',
        whole(1, REGION_SERVERS_MAX),
      )
      .option('--wal-sync', 'appends wait for the disk, and survive a power cut')
      .option('--heap-mb <number>', 'heap of what holds regions, mebibytes', whole(1, HEAP_MB_MAX)),
  startDetached: async (dataDirectory, options, progress) => {
    const engine = await HBaseEngine.start({
      ...(options as unknown as HBaseStartOptions),
      dataDirectory,
      progress,
    });
    await applyTables(engine.zookeeperQuorum, progress);
    return engine.record;
  },
};
