/** What a broker promises with its queues on disk, it promises with its queues in HBase: the same tests once more. */
import { startBrokersInHBase } from '../../support/hbase-brokers.ts';

startBrokersInHBase('exchanges');
await import('../qos.test.ts');
await import('../restart.test.ts');
