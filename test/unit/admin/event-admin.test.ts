/** Events of a time and of a client, from logs whose times do not rise and whose partitions are several. */
import { beforeEach, expect, test } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import type { EventQuery } from '../../../src/admin/admin-port.ts';
import { EventAdmin } from '../../../src/admin/event-admin.ts';
import { LogWindow } from '../../../src/admin/log-window.ts';
import { encodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import type { ClientId } from '../../../src/tenancy/identity.ts';
import { closedSession, OWNER, sessionState } from '../../support/simulated-session.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

const ALL: EventQuery = {
  tenant: undefined,
  clientId: undefined,
  since: 'start',
  untilMs: undefined,
  follow: false,
};

class WatchedLog extends MemoryEventLog {
  readonly partitionsRead = new Set<number>();
  /** Whose end a reader has seen. */
  readonly partitionsEnded = new Set<number>();

  override async read(...args: Parameters<MemoryEventLog['read']>): ReturnType<MemoryEventLog['read']> {
    this.partitionsRead.add(args[0]);
    const entries = await super.read(...args);
    if (entries.length === 0) this.partitionsEnded.add(args[0]);
    return entries;
  }
}

let log: WatchedLog;
let clock: ManualTimers;
let events: EventAdmin;

beforeEach(async () => {
  log = new WatchedLog(8);
  clock = new ManualTimers();
  events = new EventAdmin(log, new LogWindow(clock, 10_000), () => [DEFAULT_TENANT]);
  for (const [client, timestampMs] of [
    ['a', 100],
    ['b', 100],
    ['a', 300],
    ['a', 200],
    ['a', 400],
  ] as const) {
    await log.append([
      encodeSessionEvent(
        { type: 'SessionOpened', state: sessionState({ clientId: client as ClientId }) },
        timestampMs,
      ),
    ]);
  }
});

async function times(query: Partial<EventQuery>): Promise<number[]> {
  const found: number[] = [];
  for await (const { timestampMs } of events.tailEvents({ ...ALL, ...query }, new AbortController().signal))
    found.push(timestampMs);
  return found;
}

test('begin and end at a time, wherever in the log the records are', async () => {
  const clientId = 'a' as ClientId;
  expect(await times({ clientId, since: { timeMs: 200 } })).toEqual([300, 200, 400]);
  expect(await times({ clientId, since: { timeMs: 150 }, untilMs: 200 })).toEqual([200]);
  expect(await times({ clientId, untilMs: 200 })).toEqual([100, 200]);
  expect(await times({ since: { timeMs: 401 } })).toEqual([]);
  expect((await times({})).toSorted((one, other) => one - other)).toEqual([100, 100, 200, 300, 400]);
});

test('of one client only its partition is read', async () => {
  await times({ clientId: 'a' as ClientId });
  expect([...log.partitionsRead]).toEqual([log.partitionOf(`${DEFAULT_TENANT}\0a`)]);
});

test('a reader whom compaction overtakes is not left in the belief that it has everything', async () => {
  clock.advance(10_100);
  const tail = events.tailEvents({ ...ALL, since: { timeMs: 100 } }, new AbortController().signal);
  await tail.next();
  clock.advance(1);
  await expect(restOf(tail)).rejects.toMatchObject({ code: 'BEYOND_LOG' });
});

test('one who follows for longer than the lag is not overtaken', async () => {
  const ending = new AbortController();
  const tail = events.tailEvents({ ...ALL, since: { timeMs: 100 }, follow: true }, ending.signal);
  for (let n = 0; n < 5; n++) await tail.next();
  const later = tail.next();
  while (log.partitionsEnded.size < log.partitionCount) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(20_000);
  await log.append([encodeSessionEvent({ type: 'SessionOpened', state: sessionState() }, 20_000)]);
  expect((await later).value).toMatchObject({ timestampMs: 20_000 });
  ending.abort();
  expect((await tail.next()).done).toBe(true);
});

test('an end at the call: what is appended meanwhile is for whoever follows', async () => {
  const tail = events.tailEvents(ALL, new AbortController().signal);
  await tail.next();
  await log.append([encodeSessionEvent({ type: 'SessionOpened', state: sessionState() }, 500)]);
  expect(await restOf(tail)).toBe(4);
});

test('a record that this release cannot decode is left out, and hides nothing behind it', async () => {
  const opened = encodeSessionEvent({ type: 'SessionOpened', state: sessionState() }, 600);
  await log.append([
    { ...opened, value: Buffer.from('of somebody else') },
    { ...opened, key: 'of somebody else' },
    { ...opened, timestampMs: 700 },
  ]);
  expect(await times({ since: { timeMs: 500 } })).toEqual([700]);
});

test('an event says what its record says and names whose it is, no more', async () => {
  const own = new MemoryEventLog();
  await own.append([encodeSessionEvent({ type: 'SessionClosed', state: closedSession(7) }, 7)]);
  const admin = new EventAdmin(own, new LogWindow(clock, 0), () => []);
  const { value } = await admin.tailEvents(ALL, new AbortController().signal).next();
  expect(value).toEqual({
    partition: 0,
    offset: 0,
    timestampMs: 7,
    event: 'SessionClosed',
    tenant: DEFAULT_TENANT,
    clientId: sessionState().clientId,
    detail: {
      sessionId: 1,
      address: '127.0.0.1',
      sessionExpiryS: 60,
      closedOwner: `${OWNER.incarnation}/${OWNER.connection}`,
      openedAtMs: 1_000,
      reason: 'connectionLost',
    },
    cursor: '1',
  });
});

async function restOf(tail: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const event of tail) if (event !== undefined) count++;
  return count;
}
