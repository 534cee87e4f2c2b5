/**
 * The compaction job proves snapshots: what a metadata service has written is found right against the whole log and against any
 * compaction of it, and whatever is damaged is found and mended.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Progress } from '../../compaction-job/progress.ts';
import { newVerificationSummary, type VerificationSummary } from '../../compaction-job/summary.ts';
import type { JobTopic } from '../../compaction-job/stores.ts';
import { verifyTopic } from '../../compaction-job/verify/topic-verification.ts';
import type { EventLog, LogEntry, Offset } from '../../src/event-log/event-log.ts';
import { encodeRetainedEvent } from '../../src/event-log/retained-event-codec.ts';
import { encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { SessionFold } from '../../src/metadata/session-fold.ts';
import type { SnapshotRow } from '../../src/metadata/snapshot-store.ts';
import type { SessionEvent } from '../../src/session/events.ts';
import { DEFAULT_TENANT, type ClientId, type SessionId } from '../../src/tenancy/identity.ts';
import { entriesOf, foldInto, memoryTopic, type MemoryTopic, rowsOf } from '../support/job-world.ts';
import { messageTo } from '../support/simulated-message.ts';
import {
  closedSession,
  OTHER_OWNER,
  OWNER,
  sessionState,
  subscription,
} from '../support/simulated-session.ts';

const PARTITIONS = 2;
const PAST_ANY_LOG = 2 ** 52;
const OF_A_LATER_RELEASE = Buffer.of(0, 0, 0, 9, 9, 1);

const clientId = fc.constantFrom('bike-1' as ClientId, 'bike-2' as ClientId, 'bike-3' as ClientId);
const owner = fc.constantFrom(OWNER, OTHER_OWNER);
const openedAtMs = fc.constantFrom(1_000, 2_000);
const sessionId = fc.constantFrom(1 as SessionId, 2 as SessionId);
const filter = fc.constantFrom('a', 'b');

/** Any event at any place, also those that no broker would write there. */
const sessionEvent: fc.Arbitrary<SessionEvent> = fc.oneof(
  fc.record({
    type: fc.constant('SessionOpened' as const),
    state: fc.record({ clientId, owner, sessionId, openedAtMs }).map(sessionState),
  }),
  fc.record({
    type: fc.constant('SessionClosed' as const),
    state: fc
      .record({ clientId, closedOwner: owner, sessionId, openedAtMs })
      .map((changes) => closedSession(5_000, changes)),
  }),
  fc.record({
    type: fc.constant('SessionEnded' as const),
    tenant: fc.constant(DEFAULT_TENANT),
    clientId,
    reason: fc.constant('expired' as const),
    lastOwner: fc.option(owner, { nil: undefined }),
    lastOpenedAtMs: openedAtMs,
  }),
  fc.record({
    type: fc.constant('Subscribed' as const),
    subscription: fc
      .record({ clientId, filter, sessionId })
      .map(({ filter: name, ...changes }) => subscription(name, changes)),
  }),
  fc.record({
    type: fc.constant('Unsubscribed' as const),
    tenant: fc.constant(DEFAULT_TENANT),
    clientId,
    filter,
    sessionId: fc.option(sessionId, { nil: undefined }),
  }),
);
const sessionEvents = fc.array(sessionEvent, { minLength: 1, maxLength: 40, size: 'max' });

const retainedRecord = fc
  .tuple(fc.constantFrom('a', 'b', 'c'), fc.option(fc.string({ maxLength: 3 }), { nil: undefined }))
  .map(([topic, payload]) => ({
    tenant: DEFAULT_TENANT,
    topic,
    message: payload === undefined ? undefined : messageTo(topic, payload, { retain: true }),
  }));

const OPENINGS: readonly SessionEvent[] = (['bike-1', 'bike-2', 'bike-3'] as ClientId[]).flatMap((client) => [
  { type: 'SessionOpened', state: sessionState({ clientId: client }) },
  { type: 'Subscribed', subscription: subscription('a', { clientId: client }) },
  { type: 'Subscribed', subscription: subscription('b', { clientId: client }) },
]);

async function topicOf(events: readonly SessionEvent[]): Promise<MemoryTopic> {
  const topic = memoryTopic('sessions', PARTITIONS);
  await topic.log.append(events.map((event, index) => encodeSessionEvent(event, index)));
  return topic;
}

async function verified(topic: JobTopic, repair = false): Promise<VerificationSummary> {
  const summary = newVerificationSummary();
  const progress = new Progress({ write: () => undefined, monotonicMs: () => 0 });
  await verifyTopic(topic, { repair, progress }, summary);
  return summary;
}

/** Offsets between the start and the end of each partition. */
function between(ends: readonly number[], share: number): readonly Offset[] {
  return ends.map((end) => Math.floor(end * share) as Offset);
}

/** The same log as the cleaner leaves it when it has come to an offset of each partition, ends included. */
async function compacted(log: EventLog, upTo: readonly Offset[]): Promise<EventLog> {
  const entries = await entriesOf(log);
  const cleaned = (entry: LogEntry): boolean => entry.offset < (upTo[entry.partition] ?? 0);
  const latest = new Map(entries.filter(cleaned).map((entry) => [`${entry.partition}/${entry.key}`, entry]));
  const left = entries.filter(
    (entry) => !cleaned(entry) || latest.get(`${entry.partition}/${entry.key}`) === entry,
  );
  return Object.assign(Object.create(log) as EventLog, {
    partitionCount: log.partitionCount,
    startOffsets: () => log.startOffsets(),
    endOffsets: () => log.endOffsets(),
    read: (partition: number, from: Offset, recordsMax: number) =>
      Promise.resolve(
        left.filter((entry) => entry.partition === partition && entry.offset >= from).slice(0, recordsMax),
      ),
  });
}

const share = fc.double({ min: 0, max: 1, noNaN: true });

test('a snapshot is right at any checkpoint, against the whole log and what compaction leaves of it', async () => {
  await fc.assert(
    fc.asyncProperty(sessionEvents, share, share, share, async (events, folded, checkpoint, cleaned) => {
      const topic = await topicOf([...OPENINGS, ...events]);
      const ends = await topic.log.endOffsets();
      const to = between(ends, folded);
      await foldInto(topic, to, between(to, checkpoint));
      const records = OPENINGS.length + events.length;
      expect(await verified(topic)).toMatchObject({ differences: 0, overruled: 0, records });
      const log = await compacted(topic.log, between(ends, cleaned));
      expect(await verified({ ...topic, log })).toMatchObject({ differences: 0 });
    }),
    { numRuns: 200 },
  );
});

test('what this release cannot decode is right as it is on the log, and stands in nobody’s way', async () => {
  const spoiled = fc.array(fc.boolean(), { minLength: 60, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(sessionEvents, spoiled, share, async (events, spoils, cleaned) => {
      const topic = memoryTopic('sessions', PARTITIONS);
      const records = events.map((event, index) => {
        const record = encodeSessionEvent(event, index);
        return spoils[index] === true ? { ...record, value: OF_A_LATER_RELEASE } : record;
      });
      await topic.log.append(records);
      const ends = await topic.log.endOffsets();
      await topic.snapshot.write(new SessionFold().fold(await entriesOf(topic.log)));
      await topic.snapshot.saveCheckpoint(ends);
      const undecodable = records.filter(({ value }) => value === OF_A_LATER_RELEASE).length;
      expect(await verified(topic)).toMatchObject({ differences: 0, undecodable });
      const log = await compacted(topic.log, between(ends, cleaned));
      expect(await verified({ ...topic, log })).toMatchObject({ differences: 0 });
    }),
    { numRuns: 100 },
  );
});

test('what is behind a fresh snapshot is no difference', async () => {
  const topic = await topicOf([{ type: 'SessionOpened', state: sessionState() }]);
  expect(await verified(topic)).toMatchObject({ rows: 0, records: 1, differences: 0 });
});

/** Changes the row that it is given, or adds one. */
type Damage = (row: SnapshotRow, topic: MemoryTopic) => Promise<void> | void;

const DAMAGES: Readonly<Record<string, Damage>> = {
  lost: (row, { snapshot }) => snapshot.lose(row),
  altered: (row, { snapshot }) =>
    snapshot.write([{ ...row, value: Buffer.concat([row.value ?? Buffer.alloc(0), Buffer.of(0)]) }]),
  'of another time': (row, { snapshot }) => snapshot.write([{ ...row, timestampMs: row.timestampMs + 1 }]),
  'of another event': (row, { snapshot }) => snapshot.write([{ ...row, event: 'Invented' }]),
  invented: (row, { snapshot }) => snapshot.write([{ ...row, key: `${row.key}/x` }]),
  'in the wrong partition': async (row, { snapshot }) => {
    await snapshot.write([{ ...row, partition: PARTITIONS - 1 - row.partition }]);
    snapshot.lose(row);
  },
  'ahead of its record': (row, { snapshot }) =>
    snapshot.write([{ ...row, offset: (row.offset + 0.5) as Offset }]),
  'ahead of the log': (row, { snapshot }) => snapshot.write([{ ...row, offset: PAST_ANY_LOG as Offset }]),
  'hidden by a tombstone': (row, { snapshot }) =>
    snapshot.write([{ ...row, value: null, offset: (row.offset + 0.5) as Offset }]),
  'hidden by a tombstone ahead of the log': (row, { snapshot }) =>
    snapshot.write([{ ...row, value: null, offset: PAST_ANY_LOG as Offset }]),
};

test.each(Object.entries(DAMAGES))('a row that is %s is found and mended', async (_, damage) => {
  await fc.assert(
    fc.asyncProperty(sessionEvents, fc.nat(), fc.constantFrom(0, 1), async (events, chosen, cleaned) => {
      const topic = await topicOf([...OPENINGS, ...events]);
      await foldInto(topic);
      const right = await rowsOf(topic.snapshot);
      const row = right[chosen % Math.max(right.length, 1)];
      fc.pre(row !== undefined);
      const log = await compacted(topic.log, between(await topic.log.endOffsets(), cleaned));
      // Of a state that only the snapshot still knows nothing can be proved.
      fc.pre((await verified({ ...topic, log })).overruled === 0);
      await damage(row, topic);
      expect((await verified({ ...topic, log })).differences).toBeGreaterThan(0);
      const mended = await verified({ ...topic, log }, true);
      expect(mended.differences).toBeGreaterThan(0);
      expect(mended.differencesLeft).toBe(0);
      expect(await rowsOf(topic.snapshot)).toEqual(right);
    }),
    { numRuns: 60 },
  );
});

test('a row that was overtaken is found and mended', async () => {
  await fc.assert(
    fc.asyncProperty(sessionEvents, fc.nat(), async (events, chosen) => {
      const topic = await topicOf(events);
      await foldInto(topic);
      const right = await rowsOf(topic.snapshot);
      const entries = await entriesOf(topic.log);
      // The log as it was before: what it made of a key then, and another thing now.
      const earlier = memoryTopic('sessions', PARTITIONS);
      await foldInto(
        { log: topic.log, snapshot: earlier.snapshot },
        between(await topic.log.endOffsets(), 0.5),
      );
      const stale = (await rowsOf(earlier.snapshot)).filter(
        ({ key, offset }) => !right.some((row) => row.key === key && row.offset === offset),
      );
      const row = stale[chosen % Math.max(stale.length, 1)];
      fc.pre(row !== undefined && entries.length > 0);
      topic.snapshot.lose(row);
      await topic.snapshot.write([row]);
      const mended = await verified(topic, true);
      expect(mended).toMatchObject({ differences: 1, differencesLeft: 0 });
      expect(mended.listed[0]).toMatchObject({ key: row.key, kind: 'stale' });
      expect(await rowsOf(topic.snapshot)).toEqual(right);
    }),
    { numRuns: 100 },
  );
});

test('retained messages are proved and mended as sessions are', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(retainedRecord, { minLength: 1, maxLength: 20 }),
      share,
      async (events, cleaned) => {
        const topic = memoryTopic('retained', PARTITIONS);
        await topic.log.append(events.map((event, index) => encodeRetainedEvent(event, index)));
        await foldInto(topic);
        const log = await compacted(topic.log, between(await topic.log.endOffsets(), cleaned));
        const right = await rowsOf(topic.snapshot);
        expect(await verified({ ...topic, log })).toMatchObject({ rows: right.length, differences: 0 });
        for (const row of right) topic.snapshot.lose(row);
        const mended = await verified({ ...topic, log }, true);
        expect(mended).toMatchObject({ differences: right.length, differencesLeft: 0 });
        expect(await rowsOf(topic.snapshot)).toEqual(right);
      },
    ),
    { numRuns: 100 },
  );
});

test('whoever folds the log during a verification does not disturb it', async () => {
  await fc.assert(
    fc.asyncProperty(sessionEvents, sessionEvents, async (before, during) => {
      const topic = await topicOf(before);
      await foldInto(topic);
      const { snapshot } = topic;
      const scan = snapshot.scan.bind(snapshot);
      // Between any two steps the log grows, and the snapshot with it.
      const pending = [...during];
      const grow = async (): Promise<void> => {
        const event = pending.shift();
        if (event === undefined) return;
        await topic.log.append([encodeSessionEvent(event, 1)]);
        await foldInto(topic);
      };
      snapshot.scan = async function* (partition) {
        await grow();
        for await (const rows of scan(partition)) {
          yield rows;
          await grow();
        }
        await grow();
      };
      expect(await verified(topic, true)).toMatchObject({ differences: 0 });
    }),
    { numRuns: 100 },
  );
});
