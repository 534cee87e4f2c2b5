/** Time travel where it must refuse, and what a refusal says. That answers are right is a property: test/property. */
import { beforeEach, expect, test } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { LogWindow } from '../../../src/admin/log-window.ts';
import { HISTORY_READS_MAX, SessionHistory } from '../../../src/admin/session-history.ts';
import type { EventLog } from '../../../src/event-log/event-log.ts';
import { encodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';
import type { SessionEvent } from '../../../src/session/events.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import type { ClientId } from '../../../src/tenancy/identity.ts';
import {
  CLIENT,
  closedSession,
  OWNER,
  sessionState,
  subscription,
  will,
} from '../../support/simulated-session.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

const LAG_MS = 10_000;
const opened: SessionEvent = { type: 'SessionOpened', state: sessionState({ will: will() }) };

let log: MemoryEventLog;
let clock: ManualTimers;

beforeEach(() => {
  log = new MemoryEventLog(4);
  clock = new ManualTimers();
  clock.advance(5_000);
});

function history(read: EventLog['read'] = (...args) => log.read(...args)): SessionHistory {
  const source = {
    partitionOf: (partitionKey: string) => log.partitionOf(partitionKey),
    startOffsets: () => log.startOffsets(),
    endOffsets: () => log.endOffsets(),
    read,
  };
  return new SessionHistory({ log: source, window: new LogWindow(clock, LAG_MS), answerMsMax: 1_000 });
}

async function record(event: SessionEvent, atMs: number): Promise<void> {
  await log.append([encodeSessionEvent(event, atMs)]);
}

function ask(atMs: number, clientId: ClientId = CLIENT, of = history()): Promise<unknown> {
  return of.at(DEFAULT_TENANT, clientId, atMs, new AbortController().signal);
}

test('a session is told with its owner, its will and the subscriptions in force', async () => {
  await record(opened, 1_000);
  await record({ type: 'Subscribed', subscription: subscription('a') }, 1_100);
  await record({ type: 'SessionClosed', state: closedSession(2_000) }, 2_000);
  expect(await ask(1_050)).toMatchObject({
    connected: true,
    subscriptions: [],
    record: { timestampMs: 1_000 },
  });
  expect(await ask(1_500)).toMatchObject({
    atMs: 1_500,
    connected: true,
    owner: { connection: 1 },
    will: { topic: 'gone', qos: 1 },
    subscriptions: [{ filter: 'a', qos: 1 }],
  });
  expect(await ask(2_000)).toMatchObject({
    connected: false,
    closeReason: 'connectionLost',
    closedAtMs: 2_000,
  });
});

test('a time before the log is refused with when it begins', async () => {
  await record(opened, 1_000);
  await expect(ask(999)).rejects.toMatchObject({
    code: 'BEYOND_LOG',
    message: expect.stringContaining('1970-01-01T00:00:01.000Z') as unknown,
    fix: 'Ask for 1970-01-01T00:00:01.000Z or later',
  });
});

test('a time that compaction may have been to is refused with when that ends', async () => {
  await record(opened, 1_000);
  clock.advance(6_001);
  await expect(ask(1_000)).rejects.toMatchObject({
    code: 'BEYOND_LOG',
    fix: expect.stringContaining('Ask for 1970-01-01T00:00:01.001Z or later') as unknown,
  });
  expect(await ask(1_001)).toMatchObject({ connected: true });
});

test('an answer that compaction overtakes is refused', async () => {
  await record(opened, 1_000);
  const slow = history((...args) => {
    clock.advance(6_500);
    return log.read(...args);
  });
  await expect(ask(1_100, CLIENT, slow)).rejects.toMatchObject({ code: 'BEYOND_LOG' });
});

test('a time that has not come is refused', async () => {
  await expect(ask(5_001)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
});

test('a client without a session then is told so, and how its last one ended', async () => {
  await record(opened, 1_000);
  await record(
    {
      type: 'SessionEnded',
      tenant: DEFAULT_TENANT,
      clientId: CLIENT,
      reason: 'expired',
      lastOwner: OWNER,
      lastOpenedAtMs: 1_000,
    },
    2_000,
  );
  await expect(ask(2_500)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('ended at 1970-01-01T00:00:02.000Z (expired)') as unknown,
  });
  await expect(ask(2_500, 'nobody' as ClientId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('an answer takes no longer than it may', async () => {
  for (let n = 0; n < 3; n++) await record(opened, 1_000);
  const slow = history((partition, from) => {
    clock.advance(600);
    return log.read(partition, from, 1);
  });
  await expect(ask(1_500, CLIENT, slow)).rejects.toMatchObject({
    code: 'TOO_SLOW',
    message: 'after 1000 ms 2 of 3 offsets of the partition were read',
  });
});

test('one partition is read and no other, and answers under way are bounded', async () => {
  await record(opened, 1_000);
  const partitions = new Set<number>();
  const waiting: (() => void)[] = [];
  const held = history(async (partition, from, recordsMax) => {
    partitions.add(partition);
    await new Promise<void>((resolve) => waiting.push(resolve));
    return await log.read(partition, from, recordsMax);
  });
  const answers = Array.from({ length: HISTORY_READS_MAX }, () => ask(1_500, CLIENT, held));
  await expect(ask(1_500, CLIENT, held)).rejects.toMatchObject({ code: 'TOO_MANY_READS' });
  while (waiting.length < HISTORY_READS_MAX) await new Promise((resolve) => setImmediate(resolve));
  for (const go of waiting) go();
  expect(await Promise.all(answers)).toHaveLength(HISTORY_READS_MAX);
  expect([...partitions]).toEqual([log.partitionOf(`${DEFAULT_TENANT}\0${CLIENT}`)]);
});
