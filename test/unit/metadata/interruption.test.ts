/** The metadata service killed between any two of its steps, and within a write: nothing is lost, and nothing counts twice. */
import { expect, test } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { MemorySnapshotStore } from '../../../src/adapters/memory/memory-snapshot-store.ts';
import type { EventLog, Offset } from '../../../src/event-log/event-log.ts';
import { MetadataService } from '../../../src/metadata/metadata-service.ts';
import { SessionFold } from '../../../src/metadata/session-fold.ts';
import type { SnapshotStore } from '../../../src/metadata/snapshot-store.ts';
import { CountedLife } from '../../support/counted-life.ts';
import { LateHistory } from '../../support/late-history.ts';
import { ManualTimers } from '../../support/manual-timers.ts';
import { foldFrom } from '../../support/reference-fold.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const PARTITIONS = 3;
const NONE = 0 as Offset;
const CLIENTS = 6;
const SEED = 20_261_129;
/** Enough for every kind of late record, in front of the one that dies and while it folds. */
const RECORDS = 150;

interface Stores {
  readonly log: EventLog;
  readonly snapshot: SnapshotStore;
}

class World implements Stores {
  readonly log = new MemoryEventLog(PARTITIONS);
  readonly snapshot = new MemorySnapshotStore();
  readonly history = new LateHistory(this.log, CLIENTS, seededRandom(SEED));

  /** With a snapshot that is behind. */
  static async make(): Promise<World> {
    const world = new World();
    await world.history.append(RECORDS);
    await world.foldToEnd();
    await world.history.append(RECORDS);
    return world;
  }

  async foldToEnd(): Promise<void> {
    const service = await start(this);
    await service.flush();
    await service.stop();
  }

  /** Folds what is there and what comes meanwhile, until it has or is dead. */
  async foldWithin(life: CountedLife): Promise<void> {
    const running: MetadataService[] = [];
    const folding = async (): Promise<void> => {
      const stores = { log: life.of<EventLog>(this.log), snapshot: inHalves(life.of(this.snapshot)) };
      const service = await start(stores);
      running.push(service);
      await service.flush();
      await this.history.append(RECORDS);
      await service.flush();
    };
    const folded = folding().catch((error: unknown) => {
      if (!life.isOver) throw error;
    });
    await Promise.race([folded, life.killed]);
    for (const service of running) await service.stop();
    await folded;
  }
}

/** Rows and checkpoints of several partitions are no single step for a store either. */
function inHalves(snapshot: SnapshotStore): SnapshotStore {
  return {
    write: async (rows) => {
      const half = Math.ceil(rows.length / 2);
      await snapshot.write(rows.slice(0, half));
      await snapshot.write(rows.slice(half));
    },
    saveCheckpoint: async (offsets) => {
      await snapshot.saveCheckpoint(offsets.map((offset, partition) => (partition === 0 ? offset : NONE)));
      await snapshot.saveCheckpoint(offsets);
    },
    loadCheckpoint: () => snapshot.loadCheckpoint(),
    scan: (...of) => snapshot.scan(...of),
    close: () => snapshot.close(),
  };
}

function start({ log, snapshot }: Stores): Promise<MetadataService> {
  const timers = new ManualTimers();
  return MetadataService.start({ log, snapshot, fold: new SessionFold(), clock: timers, timers });
}

test('it may be killed at any call', async () => {
  const alone = new CountedLife(Infinity, false);
  await (await World.make()).foldWithin(alone);
  expect(alone.calls).toBeGreaterThan(15);
  for (let calls = 1; calls <= alone.calls; calls++) {
    for (const lastCounts of [false, true]) {
      const world = await World.make();
      await world.foldWithin(new CountedLife(calls, lastCounts));
      const when = `killed at call ${calls} of ${alone.calls}`;
      expect(await foldFrom(world.log, world.snapshot), when).toEqual(world.history.state);
      await world.foldToEnd();
      // Nothing but the snapshot: a log on which nothing ever was.
      expect(await foldFrom(new MemoryEventLog(PARTITIONS), world.snapshot), when).toEqual(
        world.history.state,
      );
    }
  }
});
