/**
 * A whole broker on a disk that loses power: it runs in this process, on a file system in memory that forgets,
 * tears and zeroes what was not synced when it is cut.
 */
import { configSchema } from '../../../src/app/config-schema.ts';
import { startBroker } from '../../../src/app/broker-process.ts';
import { createLogger } from '../../../src/app/logging.ts';
import type { RunningBroker } from '../../../src/app/running-broker.ts';
import type { SeededRandom } from '../../../src/fleet/seeded-random.ts';
import { PowerCutFileSystem } from '../../support/power-cut-file-system.ts';
import type { Victim } from './crash-rig.ts';
import { PowerLine } from './power-line.ts';

const CONFIG = {
  dataDirectory: '/power-cut',
  listeners: [{ transport: 'tcp', host: '127.0.0.1', port: 0 }],
  admin: { enabled: false },
  snapshot: { everyRecords: 4, everyMs: 20 },
  storage: { segmentBytes: 65_536 },
  log: { level: 'silent' },
  // The graceful stop of a broker without power never ends; this is how long its parts wait for each other.
  shutdown: { deadlineMs: 100 },
};

/** With `os` nothing is synced, so that a test can see whether it would notice. */
export async function powerCutVictim(random: SeededRandom, durability: 'fsync' | 'os'): Promise<Victim> {
  const config = configSchema.parse({ ...CONFIG, durability });
  const line = await PowerLine.open();
  let disk = new PowerCutFileSystem(() => random.next());
  let broker: RunningBroker | undefined;
  return {
    port: line.port,
    evidence: 'a file system in memory: the seed repeats it',
    async start() {
      const logger = createLogger(config.log, { write: () => true, isTerminal: false });
      broker = await startBroker(config, logger, disk);
      const [listener] = broker.listeners;
      if (listener !== undefined) line.connectTo(listener.port);
    },
    kill() {
      line.cut();
      disk = disk.cut();
      // Whatever it still does, no disk and no client will see it; what it holds of this process it should give back.
      void broker?.stop().catch(() => undefined);
      broker = undefined;
      return Promise.resolve();
    },
    async dispose() {
      await broker?.stop();
      await line.close();
    },
  };
}
