import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  EmbeddedEventLog,
  openEmbeddedEventLog,
} from '../../src/adapters/embedded/event-log/embedded-event-log.ts';
import { nodeFileSystem } from '../../src/adapters/embedded/file-system.ts';
import type { FileSystem } from '../../src/adapters/embedded/file-system.ts';
import type { EventLog, Offset } from '../../src/event-log/event-log.ts';
import { PowerCutFileSystem } from '../support/power-cut-file-system.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { eventLogContract } from './event-log-contract.ts';

/** Small segments, so that the tests reach archive and compaction. */
const SEGMENT_BYTES = 8_192;

async function open(directory: string, fileSystem: FileSystem): Promise<EmbeddedEventLog> {
  const log = await openEmbeddedEventLog({
    directory,
    durability: 'fsync',
    nowMs: () => 2 ** 52,
    compactionLagMs: 0,
    segmentBytes: SEGMENT_BYTES,
    fileSystem,
  });
  log.keepTombstonesFrom(() => Number.MAX_SAFE_INTEGER as Offset);
  return log;
}

async function compact(log: EventLog): Promise<void> {
  if (log instanceof EmbeddedEventLog) await log.compact();
}

eventLogContract('embedded', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'spoke-event-log-'));
  return {
    open: () => open(directory, nodeFileSystem),
    compact,
    durable: true,
    crash: undefined,
    dispose: () => rm(directory, { recursive: true }),
  };
});

for (const end of ['kill', 'cut'] as const) {
  eventLogContract(`embedded, crash by ${end}`, () => {
    let fileSystem = new PowerCutFileSystem(seededRandom(3));
    return Promise.resolve({
      open: () => open('/data', fileSystem),
      compact,
      durable: true,
      crash: () => {
        fileSystem = fileSystem[end]();
        return Promise.resolve();
      },
      dispose: () => Promise.resolve(),
    });
  });
}
