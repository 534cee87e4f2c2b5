/**
 * Whatever happens to a topic – appends, compaction, checkpoints, restarts, crashes – the fold of the whole log,
 * of the compacted log, and of snapshot plus tail are the same, and the same as the live state.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openEmbeddedEventLog } from '../../src/adapters/embedded/event-log/embedded-event-log.ts';
import type { EmbeddedEventLog } from '../../src/adapters/embedded/event-log/embedded-event-log.ts';
import { openEmbeddedSnapshotStore } from '../../src/adapters/embedded/snapshot/embedded-snapshot-store.ts';
import type { LogEntry, Offset } from '../../src/event-log/event-log.ts';
import { bootstrap } from '../../src/metadata/bootstrap.ts';
import { MetadataService } from '../../src/metadata/metadata-service.ts';
import { latestPerKey } from '../../src/metadata/snapshot-fold.ts';
import type { SnapshotRow, SnapshotStore } from '../../src/metadata/snapshot-store.ts';
import { fold, record } from '../contract/event-log-contract.ts';
import { ManualTimers } from '../support/manual-timers.ts';
import { PowerCutFileSystem } from '../support/power-cut-file-system.ts';
import { seededRandom } from '../support/seeded-random.ts';

type Step =
  | { readonly type: 'append'; readonly keys: readonly number[]; readonly removed: boolean }
  | { readonly type: 'checkpoint' }
  | { readonly type: 'compact' }
  | { readonly type: 'restart' }
  | {
      readonly type: 'kill' | 'cut';
      readonly during: 'append' | 'checkpoint' | 'compact';
      readonly turns: number;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      keys: fc.array(fc.nat(11), { minLength: 1, maxLength: 12 }),
      removed: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ type: 'checkpoint' as const }) },
  { weight: 2, arbitrary: fc.constant({ type: 'compact' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('kill' as const, 'cut' as const),
      during: fc.constantFrom('append' as const, 'checkpoint' as const, 'compact' as const),
      turns: fc.nat(30),
    }),
  },
);

/** What the log said of a key last, and where: the fold that a broker keeps. */
class LiveState {
  readonly #latest = new Map<string, { readonly offset: Offset; readonly value: string | null }>();

  apply({ key, value, offset }: SnapshotRow): void {
    if ((this.#latest.get(key)?.offset ?? -1) > offset) return;
    this.#latest.set(key, { offset, value: value?.toString() ?? null });
  }

  get values(): Map<string, string> {
    const present = [...this.#latest].flatMap(([key, { value }]) =>
      value === null ? [] : [[key, value] as const],
    );
    return new Map(present.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** One topic of a broker, on a disk that can lose power. */
class Topic {
  readonly log: EmbeddedEventLog;
  readonly snapshot: SnapshotStore;
  readonly service: MetadataService;
  readonly live = new LiveState();
  readonly damaged: unknown[];

  private constructor(
    log: EmbeddedEventLog,
    snapshot: SnapshotStore,
    service: MetadataService,
    damaged: unknown[],
  ) {
    this.log = log;
    this.snapshot = snapshot;
    this.service = service;
    this.damaged = damaged;
  }

  static async open(fileSystem: PowerCutFileSystem): Promise<Topic> {
    const damaged: unknown[] = [];
    const observe = (event: { type: string }): void => {
      if (event.type === 'damaged' || event.type === 'damageSkipped') damaged.push(event);
    };
    const log = await openEmbeddedEventLog({
      directory: '/log',
      durability: 'fsync',
      nowMs: () => 10,
      compactionLagMs: 0,
      segmentBytes: 600,
      fileSystem,
      observe,
    });
    const snapshot = await openEmbeddedSnapshotStore({ directory: '/snapshot', fileSystem, observe });
    const timers = new ManualTimers();
    const fold = latestPerKey();
    const service = await MetadataService.start({ log, snapshot, fold, clock: timers, timers });
    log.keepTombstonesFrom(() => service.checkpoint[0] ?? (0 as Offset));
    const topic = new Topic(log, snapshot, service, damaged);
    await bootstrap({
      log,
      snapshot,
      clock: timers,
      apply: (row) => {
        topic.live.apply(row);
      },
    });
    return topic;
  }

  async close(): Promise<void> {
    await this.service.stop();
    await this.snapshot.close();
    await this.log.close();
  }
}

/** A value that no other append uses. */
let appended = 0;

async function perform(
  topic: Topic,
  action: Step & { type: 'append' | 'checkpoint' | 'compact' },
): Promise<void> {
  switch (action.type) {
    case 'append':
      await topic.log.append(
        action.keys.map((key) =>
          record(`k${key}`, 'p', action.removed && key % 2 === 0 ? null : `v${appended++}`),
        ),
      );
      break;
    case 'checkpoint':
      await topic.service.flush();
      break;
    case 'compact':
      await topic.log.compact();
      break;
  }
}

describe('snapshot and log', () => {
  test('every fold is the live state, after arbitrary histories', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }),
        fc.nat(),
        async (steps, seed) => {
          let fileSystem = new PowerCutFileSystem(seededRandom(seed));
          let topic = await Topic.open(fileSystem);
          for (const action of steps) {
            switch (action.type) {
              case 'append':
              case 'checkpoint':
              case 'compact':
                await perform(topic, action);
                break;
              case 'restart': {
                const before = topic.live.values;
                await topic.close();
                topic = await Topic.open(fileSystem);
                expect(topic.live.values).toEqual(before);
                break;
              }
              case 'kill':
              case 'cut': {
                const acknowledged = topic.live.values;
                const keys = [0, 1, 2, 3];
                const doing =
                  action.during === 'append'
                    ? perform(topic, { type: 'append', keys, removed: false })
                    : perform(topic, { type: action.during });
                doing.catch(() => undefined);
                await turns(action.turns);
                fileSystem = fileSystem[action.type]();
                const before = action.during === 'append' ? withoutKeys(acknowledged, keys) : acknowledged;
                topic = await Topic.open(fileSystem);
                const after = topic.live.values;
                expect(action.during === 'append' ? withoutKeys(after, keys) : after).toEqual(before);
                break;
              }
            }
            expect(fold(await followAll(topic.log))).toEqual(topic.live.values);
          }
          expect(topic.damaged).toEqual([]);
          await topic.close();
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});

/** An append that was interrupted may have happened or not. */
function withoutKeys(state: ReadonlyMap<string, string>, keys: readonly number[]): Map<string, string> {
  return new Map([...state].filter(([key]) => !keys.includes(Number(key.slice(1)))));
}

/** The whole log, as somebody sees it who starts to follow now. */
async function followAll(log: EmbeddedEventLog): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  const follower = await log.follow(await log.startOffsets(), (batch) => entries.push(...batch));
  await follower.stop();
  return entries;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
