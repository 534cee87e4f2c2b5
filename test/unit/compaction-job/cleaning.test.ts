/** One pass over sessions and queues in memory: what goes, and above all what stays. */
import { expect, test } from 'vitest';
import type { LogPosition, LogRecord, Offset } from '../../../src/event-log/event-log.ts';
import { decodeSessionEvent, encodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';
import { sessionKey } from '../../../src/event-log/record-key.ts';
import type { SessionEvent, SessionState } from '../../../src/session/events.ts';
import { DEFAULT_TENANT, type ClientId, type SessionId } from '../../../src/tenancy/identity.ts';
import { entriesOf, foldInto, GRACE_MS, JobWorld, NOW_MS, rowsOf } from '../../support/job-world.ts';
import {
  closedSession,
  OTHER_OWNER,
  sessionState,
  subscription,
  will,
} from '../../support/simulated-session.ts';

const EXPIRED_AT_MS = NOW_MS - GRACE_MS;
const CLOSED_AT_MS = EXPIRED_AT_MS - 60_000;

function named(index: number): { readonly clientId: ClientId; readonly sessionId: SessionId } {
  return { clientId: `bike-${index}` as ClientId, sessionId: index as SessionId };
}

function opened(index: number, changes: Partial<SessionState> = {}): SessionEvent {
  return { type: 'SessionOpened', state: sessionState({ ...named(index), ...changes }) };
}

function closed(index: number, changes: Partial<SessionState> = {}): SessionEvent {
  return { type: 'SessionClosed', state: closedSession(CLOSED_AT_MS, { ...named(index), ...changes }) };
}

function subscribed(index: number, filter: string): SessionEvent {
  return { type: 'Subscribed', subscription: subscription(filter, named(index)) };
}

/** 1 has expired, 2 is connected, 3 may come back, 4 leaves a will; 5 is unknown. Each has messages. */
async function fiveSessions(): Promise<JobWorld> {
  const world = new JobWorld();
  await world.record(
    ...[1, 2, 3, 4].flatMap((index) => [opened(index), subscribed(index, 'a')]),
    closed(1),
    closed(3, { closedAtMs: CLOSED_AT_MS + 1 }),
    closed(4, { will: will() }),
  );
  for (const index of [1, 2, 3, 4, 5]) await world.queue(index);
  await world.queue(1, 'held');
  return world;
}

/** Of each client that has one, its session. */
async function sessions(world: JobWorld): Promise<Record<string, SessionId>> {
  const snapshot = new JobWorld().sessions.snapshot;
  await foldInto({ log: world.sessions.log, snapshot });
  const found: Record<string, SessionId> = {};
  for (const row of await rowsOf(snapshot)) {
    const event = decodeSessionEvent(row);
    if ('state' in event) found[event.state.clientId] = event.state.sessionId;
  }
  return found;
}

test.each(['a log that nobody has folded', 'a snapshot'])('a pass over %s', async (from) => {
  const world = await fiveSessions();
  if (from === 'a snapshot') await world.fold();
  const summary = await world.run();
  expect(await world.queued()).toEqual([2, 3, 4]);
  expect(await sessions(world)).toEqual({ 'bike-2': 2, 'bike-3': 3, 'bike-4': 4 });
  expect(summary.sessions).toEqual({
    known: 4,
    connected: 1,
    expired: 1,
    ended: 1,
    resumed: 0,
    unconfirmed: 0,
    leftToBrokers: 1,
  });
  expect(summary.queues).toEqual({ listed: 6, orphanedSessions: 1, unconfirmed: 0, dropped: 4 });
  expect(summary.subscriptions).toEqual({ known: 4, foreign: 0 });
});

test('the end of a session takes its subscriptions along, and a second pass finds nothing to do', async () => {
  const world = await fiveSessions();
  await world.run();
  await world.fold();
  const keys = (await rowsOf(world.sessions.snapshot)).map(({ key }) => key.replaceAll('\0', ' '));
  expect(keys.filter((key) => key.includes('bike-1'))).toEqual([]);
  const before = (await entriesOf(world.sessions.log)).length;
  const summary = await world.run();
  expect(summary.sessions).toMatchObject({ known: 3, expired: 0, ended: 0 });
  expect(summary.queues).toMatchObject({ listed: 3, orphanedSessions: 0, dropped: 0 });
  expect((await entriesOf(world.sessions.log)).length).toBe(before);
});

test('a dry run says the same and changes nothing', async () => {
  const world = await fiveSessions();
  const before = await entriesOf(world.sessions.log);
  const summary = await world.run({ dryRun: true });
  expect(summary.sessions).toMatchObject({ expired: 1, ended: 0, leftToBrokers: 1 });
  expect(summary.queues).toMatchObject({ orphanedSessions: 1, dropped: 0 });
  expect(await world.queued()).toEqual([1, 1, 2, 3, 4, 5]);
  expect(await entriesOf(world.sessions.log)).toEqual(before);
});

/** Something happens just before the first record of a kind is appended. */
function before(world: JobWorld, event: string, happens: () => Promise<void>): void {
  const { log } = world.sessions;
  const append = log.append.bind(log);
  let isDue = true;
  log.append = async (records: readonly LogRecord[]): Promise<readonly LogPosition[]> => {
    if (isDue && records.some((record) => record.event.startsWith(event))) {
      isDue = false;
      await happens();
    }
    return append(records);
  };
}

test('a session that was resumed meanwhile keeps everything', async () => {
  const world = await fiveSessions();
  before(world, 'SessionEnded', () => world.record(opened(1, { owner: OTHER_OWNER, openedAtMs: NOW_MS })));
  const summary = await world.run();
  expect(summary.sessions).toMatchObject({ expired: 1, ended: 0, resumed: 1 });
  expect(await world.queued()).toEqual([1, 1, 2, 3, 4]);
  expect(await sessions(world)).toMatchObject({ 'bike-1': 1 });
  await world.fold();
  const keys = (await rowsOf(world.sessions.snapshot)).map(({ key }) => key.replaceAll('\0', ' '));
  expect(keys).toContain('u default bike-1 a');
});

test('a session that was resumed and closed again keeps everything too', async () => {
  const world = await fiveSessions();
  before(world, 'SessionEnded', () =>
    world.record(
      opened(1, { owner: OTHER_OWNER, openedAtMs: NOW_MS }),
      closed(1, { closedOwner: OTHER_OWNER, openedAtMs: NOW_MS, closedAtMs: NOW_MS }),
    ),
  );
  expect((await world.run()).sessions).toMatchObject({ ended: 0, resumed: 1 });
  expect(await world.queued()).toEqual([1, 1, 2, 3, 4]);
});

test('what its client began anew keeps what it has', async () => {
  const world = await fiveSessions();
  const begunAnew = { sessionId: 77 as SessionId, owner: OTHER_OWNER, openedAtMs: NOW_MS };
  before(world, 'Unsubscribed', async () => {
    await world.record(opened(1, begunAnew), {
      type: 'Subscribed',
      subscription: subscription('a', { ...named(1), sessionId: 77 as SessionId }),
    });
    await world.queue(77);
  });
  await world.run();
  expect(await world.queued()).toEqual([2, 3, 4, 77]);
  await world.fold();
  const row = (await rowsOf(world.sessions.snapshot)).find(({ key }) => key.includes('u\0default\0bike-1'));
  expect(row && decodeSessionEvent(row)).toMatchObject({ subscription: { sessionId: 77 } });
});

test('a queue of a session that begins after the queues were listed is not looked at', async () => {
  const world = await fiveSessions();
  const list = world.queues.list.bind(world.queues);
  world.queues.list = async function* () {
    yield* list();
    await world.record(opened(6));
    await world.queue(6);
  };
  await world.run();
  expect(await world.queued()).toEqual([2, 3, 4, 6]);
});

test('a snapshot that has lost sessions costs no messages', async () => {
  const world = await fiveSessions();
  await world.fold();
  for (const row of await rowsOf(world.sessions.snapshot)) world.sessions.snapshot.lose(row);
  const summary = await world.run();
  expect(summary.queues).toMatchObject({ unconfirmed: 4, orphanedSessions: 1 });
  expect(await world.queued()).toEqual([1, 1, 2, 3, 4]);
});

test('rows that cannot be read cost none either', async () => {
  const world = await fiveSessions();
  await world.fold();
  const rows = await rowsOf(world.sessions.snapshot);
  await world.sessions.snapshot.write(rows.map((row) => ({ ...row, value: Buffer.from('by hand') })));
  const summary = await world.run();
  expect(summary.fold.unreadableRows).toBe(rows.length);
  expect(summary.queues).toMatchObject({ unconfirmed: 4, orphanedSessions: 1 });
  expect(await world.queued()).toEqual([1, 1, 2, 3, 4]);
});

test('what somebody else has put on the topic ends no pass', async () => {
  const world = await fiveSessions();
  await world.fold();
  await world.sessions.log.append([
    { partitionKey: 'x', key: 'x', value: Buffer.from('by hand'), event: '', timestampMs: NOW_MS },
  ]);
  const summary = await world.run({ verify: true });
  expect(summary.verification).toMatchObject({ differences: 0, undecodable: 1 });
  expect(summary.sessions.ended).toBe(1);
  expect(await world.queued()).toEqual([2, 3, 4]);
});

test('a record of a later release ends a pass before anything is dropped', async () => {
  const world = await fiveSessions();
  await world.fold();
  const [later] = (await entriesOf(world.sessions.log)).filter(({ key }) => key.endsWith('bike-1'));
  await world.sessions.log.append([{ ...later!, value: Buffer.of(0, 0, 0, 9, 9, 1) }]);
  await expect(world.run()).rejects.toThrow(/bike-1.*upgrade/);
  expect(await world.queued()).toEqual([1, 1, 2, 3, 4, 5]);
});

test('what a repair has mended is cleaned in the same pass', async () => {
  const world = await fiveSessions();
  await world.fold();
  for (const row of await rowsOf(world.sessions.snapshot)) world.sessions.snapshot.lose(row);
  const summary = await world.run({ verify: true, repair: true });
  expect(summary.verification).toMatchObject({ differencesLeft: 0 });
  expect(summary.sessions).toMatchObject({ ended: 1, unconfirmed: 0 });
  expect(await world.queued()).toEqual([2, 3, 4]);
});

test('a snapshot that has missed that a session was resumed costs none either', async () => {
  const world = await fiveSessions();
  await world.fold();
  const key = sessionKey(DEFAULT_TENANT, 'bike-1' as ClientId);
  const stale = (await rowsOf(world.sessions.snapshot)).find((row) => row.key === key)!;
  await world.record(opened(1, { owner: OTHER_OWNER, openedAtMs: NOW_MS }));
  await world.fold();
  world.sessions.snapshot.lose(stale);
  await world.sessions.snapshot.write([stale]);
  const summary = await world.run();
  expect(summary.sessions).toMatchObject({ expired: 1, ended: 0, unconfirmed: 1 });
  expect(await world.queued()).toEqual([1, 1, 2, 3, 4]);
});

test('two passes at once do what one does', async () => {
  const world = await fiveSessions();
  await Promise.all([world.run(), world.run()]);
  expect(await world.queued()).toEqual([2, 3, 4]);
  expect(await sessions(world)).toEqual({ 'bike-2': 2, 'bike-3': 3, 'bike-4': 4 });
});

test('subscriptions of sessions that are no more are counted and stay', async () => {
  const world = await fiveSessions();
  await world.record(subscribed(9, 'left/behind'));
  expect((await world.run()).subscriptions).toEqual({ known: 5, foreign: 1 });
  await world.fold();
  const keys = (await rowsOf(world.sessions.snapshot)).map(({ key }) => key.replaceAll('\0', ' '));
  expect(keys).toContain('u default bike-9 left/behind');
});

test('tombstones go when they are old and the checkpoint is past them, and bring nothing back', async () => {
  const world = await fiveSessions();
  await world.fold();
  await world.sessions.log.append([
    encodeSessionEvent(
      {
        type: 'SessionEnded',
        tenant: DEFAULT_TENANT,
        clientId: 'bike-2' as ClientId,
        reason: 'administrative',
        lastOwner: undefined,
        lastOpenedAtMs: undefined,
      },
      NOW_MS - 10_000,
    ),
  ]);
  await world.fold();
  const rows = await rowsOf(world.sessions.snapshot);
  expect((await world.run({ tombstoneRetentionMs: 10_000 })).tombstones.forgotten).toBe(0);
  expect((await world.run({ tombstoneRetentionMs: 9_999, dryRun: true })).tombstones.forgotten).toBe(1);
  expect((await world.run({ tombstoneRetentionMs: 9_999 })).tombstones.forgotten).toBe(1);
  expect((await world.run({ tombstoneRetentionMs: 9_999 })).tombstones.forgotten).toBe(0);
  expect(await rowsOf(world.sessions.snapshot)).toEqual(rows);
});

test('queues beside a log on which nothing ever was are left alone', async () => {
  const world = new JobWorld();
  await world.queue(1);
  await expect(world.run()).rejects.toThrow('belong to two installations');
  expect(await world.queued()).toEqual([1]);
});

test('a checkpoint beyond the end of the log stops the pass, before anything is mended', async () => {
  const world = await fiveSessions();
  await world.fold();
  const { log, snapshot } = world.sessions;
  const rows = await rowsOf(snapshot);
  await snapshot.saveCheckpoint((await log.endOffsets()).map((end) => (end + 1) as Offset));
  await expect(world.run({ verify: true, repair: true })).rejects.toThrow(
    'The snapshot of sessions reaches offset',
  );
  expect(await rowsOf(snapshot)).toEqual(rows);
  expect(await world.queued()).toEqual([1, 1, 2, 3, 4, 5]);
});
