/**
 * What every event log promises, whatever it is made of. An adapter's test calls `eventLogContract` with a
 * harness of its own.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog, LogEntry, LogRecord, Offset } from '../../src/event-log/event-log.ts';

/** One topic, empty at first, that outlives the instances opened on it. */
export interface EventLogHarness {
  /** Opens the topic, as it stands after what happened to earlier instances. */
  open(): Promise<EventLog>;
  /** Removes every superseded record and every tombstone that the adapter may remove now. */
  compact(log: EventLog): Promise<void>;
  /** Whether the topic outlives its instances. */
  readonly durable: boolean;
  /** Ends the instance as a crash does; undefined: this harness cannot. */
  readonly crash: ((log: EventLog) => Promise<void>) | undefined;
  dispose(): Promise<void>;
}

const START = 0 as Offset;

export function eventLogContract(name: string, makeHarness: () => Promise<EventLogHarness>): void {
  describe(`event log contract: ${name}`, () => {
    let harness: EventLogHarness;
    let log: EventLog;

    beforeEach(async () => {
      harness = await makeHarness();
      log = await harness.open();
    });

    afterEach(async () => {
      await log.close();
      await harness.dispose();
    });

    test('a new topic is empty', async () => {
      expect(await log.startOffsets()).toEqual(await log.endOffsets());
      expect(await readAll(log)).toEqual([]);
    });

    test('records read back as they were appended, at the positions the append returned', async () => {
      const records: LogRecord[] = [
        {
          partitionKey: 'p',
          key: 'k\0ü\0🚲',
          value: Buffer.from([0, 1, 255]),
          event: 'Opened',
          timestampMs: 1,
        },
        { partitionKey: 'p', key: '', value: Buffer.alloc(0), event: '', timestampMs: 0 },
        { partitionKey: 'p', key: 'gone', value: null, event: 'Ended:expired', timestampMs: 2 ** 52 },
        { partitionKey: 'p', key: 'big', value: Buffer.alloc(70_000, 7), event: 'Big', timestampMs: 3 },
      ];
      const positions = await log.append(records);
      expect(await readAll(log)).toEqual(
        records.map((record, index) => ({ ...record, ...positions[index] })),
      );
    });

    test('an append of nothing resolves to nothing', async () => {
      expect(await log.append([])).toEqual([]);
    });

    test('offsets of a partition rise in the order of the calls', async () => {
      const appends = numbers(50).map((n) => log.append([record(`a${n}`, 'p'), record(`b${n}`, 'p')]));
      const positions = (await Promise.all(appends)).flat();
      const offsets = positions.map(({ offset }) => offset);
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
      expect(new Set(offsets).size).toBe(100);
      expect(new Set(positions.map(({ partition }) => partition)).size).toBe(1);
    });

    test('read starts where it is told, ends at the end and respects its limit', async () => {
      const positions = await log.append(numbers(10).map((n) => record(`k${n}`, 'p')));
      const { partition, offset } = positions[4] ?? fail();
      const entries = await log.read(partition, offset, 3);
      expect(entries.map(({ key }) => key)).toEqual(['k4', 'k5', 'k6']);
      const ends = await log.endOffsets();
      expect(await log.read(partition, ends[partition] ?? fail(), 3)).toEqual([]);
    });

    test('records lie where partitionOf says', async () => {
      const records = numbers(40).map((n) => record(`k${n}`, `tenant\0client ${n}`));
      const positions = await log.append(records);
      expect(positions.map(({ partition }) => partition)).toEqual(
        records.map(({ partitionKey }) => log.partitionOf(partitionKey)),
      );
    });

    test('a time leads to its first record, in each partition, also where times do not rise', async () => {
      const times = [100, 300, 200, 300, 500, 400, 600];
      const positions = await log.append(
        times.map((timestampMs, n) => ({ ...record(`k${n}`, 'p'), timestampMs })),
      );
      const { partition } = positions[0] ?? fail();
      const ends = await log.endOffsets();
      const offsetAt = async (timestampMs: number) => {
        const offsets = await log.offsetsAt(timestampMs);
        expect(offsets.toSpliced(partition, 1)).toEqual(ends.toSpliced(partition, 1));
        return offsets[partition];
      };
      expect(await offsetAt(0)).toBe(positions[0]?.offset);
      expect(await offsetAt(100)).toBe(positions[0]?.offset);
      expect(await offsetAt(101)).toBe(positions[1]?.offset);
      expect(await offsetAt(300)).toBe(positions[1]?.offset);
      expect(await offsetAt(301)).toBe(positions[4]?.offset);
      expect(await offsetAt(501)).toBe(positions[6]?.offset);
      expect(await offsetAt(601)).toBe(ends[partition]);
    });

    test('a time leads past what compaction took', async () => {
      const rounds = numbers(40).map((round) =>
        numbers(50).map((n) => ({ ...record(`k${n}`, 'p', `v${round}`), timestampMs: round * 1_000 })),
      );
      for (const records of rounds) await log.append(records);
      await harness.compact(log);
      const entries = await readAll(log);
      const ends = await log.endOffsets();
      for (const timestampMs of [0, 1, 20_500, 38_000, 39_000, 39_001]) {
        const first = entries.find((entry) => entry.timestampMs >= timestampMs);
        const { partition } = entries[0] ?? fail();
        expect((await log.offsetsAt(timestampMs))[partition]).toBe(first?.offset ?? ends[partition]);
      }
    });

    test('a read of large records hands over few of them, and at least one', async () => {
      const large = 'x'.repeat(60_000);
      for (const n of numbers(60)) await log.append([record(`k${n}`, 'p', large)]);
      const { partition } = (await readAll(log))[0] ?? fail();
      let next = (await log.startOffsets())[partition] ?? fail();
      const seen: string[] = [];
      for (;;) {
        const entries = await log.read(partition, next, 100);
        const last = entries.at(-1);
        if (last === undefined) break;
        expect(entries.length).toBeLessThan(40);
        seen.push(...entries.map(({ key }) => key));
        next = (last.offset + 1) as Offset;
      }
      expect(seen).toEqual(numbers(60).map((n) => `k${n}`));
    });

    test('a follower has a record before its append resolves', async () => {
      const seen: string[] = [];
      await log.follow(await log.endOffsets(), (entries) => seen.push(...entries.map(({ key }) => key)));
      for (const n of numbers(20)) {
        await log.append([record(`k${n}`)]);
        expect(seen.at(-1)).toBe(`k${n}`);
      }
      expect(seen).toHaveLength(20);
    });

    test('follow resolves when it has caught up with what was there at the call', async () => {
      await appendMany(log, 3_000);
      const seen: LogEntry[] = [];
      await log.follow(await log.startOffsets(), (entries) => seen.push(...entries));
      expect(seen).toHaveLength(3_000);
    });

    test('follow from the middle hands over the rest and nothing before', async () => {
      const positions = await log.append(numbers(10).map((n) => record(`k${n}`, 'p')));
      const { partition, offset } = positions[7] ?? fail();
      const from = (await log.endOffsets()).slice();
      from[partition] = offset;
      const seen: string[] = [];
      await log.follow(from, (entries) => seen.push(...entries.map(({ key }) => key)));
      expect(seen).toEqual(['k7', 'k8', 'k9']);
    });

    test('followers that join while appends go on miss nothing and get nothing twice', async () => {
      const seen: LogEntry[][] = [];
      const following: Promise<unknown>[] = [];
      const join = async (): Promise<void> => {
        const own: LogEntry[] = [];
        seen.push(own);
        await log.follow(await log.startOffsets(), (entries) => own.push(...entries));
      };
      const appender = async (id: number): Promise<void> => {
        for (const n of numbers(100)) {
          await log.append([record(`a${id}-${n}`), record(`b${id}-${n}`)]);
          if (n % 25 === 0) following.push(join());
        }
      };
      await Promise.all(numbers(8).map(appender));
      await Promise.all(following);
      const whole = await readAll(log);
      expect(whole).toHaveLength(1_600);
      for (const own of seen) expect(byPartition(own)).toEqual(byPartition(whole));
    });

    test('a handler may append; the record comes to it in its turn', async () => {
      const seen: string[] = [];
      const answered: Promise<unknown>[] = [];
      await log.follow(await log.endOffsets(), (entries) => {
        for (const { key } of entries) {
          seen.push(key);
          if (key === 'ping') answered.push(log.append([record('pong', 'p')]));
        }
      });
      await log.append([record('ping', 'p'), record('after', 'p')]);
      await Promise.all(answered);
      expect(seen).toEqual(['ping', 'after', 'pong']);
    });

    test('a stopped follower is called no more', async () => {
      let calls = 0;
      const follower = await log.follow(await log.startOffsets(), () => calls++);
      await log.append([record('a')]);
      await follower.stop();
      await log.append([record('b')]);
      expect(calls).toBe(1);
    });

    test('an append after close rejects', async () => {
      await log.close();
      await expect(log.append([record('late')])).rejects.toThrow(/closed/);
    });

    test('compaction forgets what is superseded, keeps the latest of every key at its offset', async () => {
      for (const round of numbers(40)) {
        await log.append(
          numbers(50).map((n) => record(`k${n}`, 'p', round === 39 && n < 10 ? null : `v${round}`)),
        );
      }
      // An adapter that compacts by itself may have begun.
      const before = await readAll(log);
      const ends = await log.endOffsets();
      await harness.compact(log);
      const after = await readAll(log);
      expect(after.length).toBeLessThan((40 * 50) / 2);
      expect(fold(after)).toEqual(fold(before));
      const kept = new Set(after.map(({ offset }) => offset));
      expect(after).toEqual(before.filter(({ offset }) => kept.has(offset)));
      expect(await log.endOffsets()).toEqual(ends);
    });

    test('after compaction a follower from a forgotten offset starts at the next one present', async () => {
      for (const round of numbers(40)) {
        await log.append(numbers(50).map((n) => record(`k${n}`, 'p', `v${round}`)));
      }
      await harness.compact(log);
      const seen: LogEntry[] = [];
      await log.follow(
        numbers(log.partitionCount).map(() => START),
        (entries) => seen.push(...entries),
      );
      expect(seen).toEqual(await readAll(log));
      await log.append([record('next', 'p')]);
      expect(seen.at(-1)?.key).toBe('next');
    });

    test('followers go on undisturbed while the log is compacted under them', async () => {
      const seen: LogEntry[] = [];
      await log.follow(await log.startOffsets(), (entries) => seen.push(...entries));
      const appending = (async () => {
        for (const round of numbers(60)) {
          await log.append(numbers(20).map((n) => record(`k${n}`, 'p', `v${round}`)));
        }
      })();
      for (let round = 0; round < 3; round++) await harness.compact(log);
      await appending;
      expect(seen.map(({ offset }) => offset)).toEqual(numbers(1_200).map((n) => (seen[0]?.offset ?? 0) + n));
    });

    test('what was appended is there after close and open, and offsets go on', async () => {
      if (!harness.durable) return;
      await appendMany(log, 500);
      const before = await readAll(log);
      const ends = await log.endOffsets();
      await log.close();
      log = await harness.open();
      expect(await readAll(log)).toEqual(before);
      const [position] = await log.append([record('next')]);
      expect(position?.offset).toBe(ends[position?.partition ?? 0]);
    });

    test('what was acknowledged is there after a crash, in the same order', async () => {
      if (harness.crash === undefined) return;
      const acknowledged: string[] = [];
      const appends = numbers(300).map(async (n) => {
        await log.append([record(`k${n}`, 'p')]);
        acknowledged.push(`k${n}`);
      });
      await Promise.race(appends.slice(100));
      const crashing = harness.crash(log);
      const count = acknowledged.length;
      await crashing;
      await Promise.allSettled(appends);
      log = await harness.open();
      const keys = (await readAll(log)).map(({ key }) => key);
      expect(count).toBeGreaterThan(0);
      expect(keys.slice(0, count)).toEqual(acknowledged.slice(0, count));
    });
  });
}

export function record(key: string, partitionKey = key, value: string | null = `value of ${key}`): LogRecord {
  return {
    partitionKey,
    key,
    value: value === null ? null : Buffer.from(value),
    event: value === null ? 'Removed' : 'Set',
    timestampMs: 1,
  };
}

/** Every record that can be read, partition after partition. */
export async function readAll(log: EventLog): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for (const [partition, start] of (await log.startOffsets()).entries()) {
    let next = start;
    for (;;) {
      const entries = await log.read(partition, next, 700);
      const last = entries.at(-1);
      if (last === undefined) break;
      all.push(...entries);
      next = (last.offset + 1) as Offset;
    }
  }
  return all;
}

/** What the topic means: the latest value of every key that has one. */
export function fold(entries: readonly LogEntry[]): Map<string, string> {
  const state = new Map<string, string>();
  for (const { key, value } of entries) {
    if (value === null) state.delete(key);
    else state.set(key, value.toString());
  }
  return new Map([...state].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function appendMany(log: EventLog, count: number): Promise<void> {
  await log.append(numbers(count).map((n) => record(`k${n}`)));
}

function byPartition(entries: readonly LogEntry[]): (readonly [string, number])[][] {
  const parts: (readonly [string, number])[][] = [];
  for (const { partition, key, offset } of entries) (parts[partition] ??= []).push([key, offset]);
  return parts;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function fail(): never {
  throw new Error('The test expected a value here.');
}
