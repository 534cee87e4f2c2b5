/** `npm run engines -- kafka start`: its options, and what it leaves running. */
import type { Command } from 'commander';
import type { EngineCommand } from '../engine.ts';
import { whole } from '../whole-number.ts';
import { KafkaEngine } from './kafka-engine.ts';

/** Kafka's own. */
const PORT = 9092;
const PORT_MAX = 65_000;
const BROKERS_MAX = 9;
const HEAP_MB_MAX = 65_536;

interface KafkaStartOptions {
  readonly brokers: number;
  readonly port: number;
  readonly heapMb?: number;
}

export const kafkaCommand: EngineCommand = {
  name: 'kafka',
  summary: 'Kafka, which needs no ZooKeeper',
  addOptions: (start: Command) =>
    start
      .option(
        '--port <port>',
        'where clients find it; further brokers take the next ones',
        whole(1, PORT_MAX),
        PORT,
      )
      .option('--brokers <number>', 'brokers, each a process of its own', whole(1, BROKERS_MAX), 1)
      .option('--heap-mb <number>', 'heap of each broker, mebibytes', whole(1, HEAP_MB_MAX)),
  startDetached: async (dataDirectory, options, progress) => {
    const { record } = await KafkaEngine.start({
      ...(options as unknown as KafkaStartOptions),
      dataDirectory,
      progress,
    });
    return record;
  },
};
