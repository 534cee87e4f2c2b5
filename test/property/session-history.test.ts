/** What is told of a moment that has passed is the fold of all records up to it, whatever order their times are in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openEmbeddedEventLog } from '../../src/adapters/embedded/event-log/embedded-event-log.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import type { PastSession } from '../../src/admin/admin-port.ts';
import { ApiError } from '../../src/admin/api-error.ts';
import { LogWindow } from '../../src/admin/log-window.ts';
import { SessionHistory } from '../../src/admin/session-history.ts';
import type { EventLog, LogEntry, LogRecord, Offset } from '../../src/event-log/event-log.ts';
import { encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import type { SessionEvent, SessionOwner } from '../../src/session/events.ts';
import { DEFAULT_TENANT, incarnation } from '../../src/tenancy/identity.ts';
import type { ClientId, SessionId } from '../../src/tenancy/identity.ts';
import { PowerCutFileSystem } from '../support/power-cut-file-system.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { pastOf, placed } from '../support/session-past.ts';
import { closedSession, sessionState, subscription } from '../support/simulated-session.ts';

const CLIENTS = ['bike-1', 'bike-2', 'bike-3', 'bike-4'] as ClientId[];
const FILTERS = ['a', 'a/+', '$share/g/a'];
const ANSWER_MS_MAX = 60_000;

interface Step {
  readonly client: number;
  readonly action: 'open' | 'cleanOpen' | 'close' | 'lateClose' | 'subscribe' | 'unsubscribe' | 'end';
  readonly filter: number;
  readonly timeMs: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  client: fc.nat({ max: CLIENTS.length - 1 }),
  action: fc.constantFrom(
    'open',
    'open',
    'cleanOpen',
    'close',
    'close',
    'lateClose',
    'subscribe',
    'subscribe',
    'unsubscribe',
    'end',
  ),
  filter: fc.nat({ max: FILTERS.length - 1 }),
  timeMs: fc.nat({ max: 100 }),
});

interface Ownership {
  readonly owner: SessionOwner;
  readonly openedAtMs: number;
}

/** Makes records as brokers write them, one after the other. */
class Author {
  readonly records: LogRecord[] = [];
  readonly #owners = new Map<ClientId, Ownership>();
  readonly #ended = new Map<ClientId, Ownership>();
  readonly #sessionIds = new Map<ClientId, number>();
  #connections = 0;

  write({ client, action, filter }: Step, timestampMs: number): void {
    const clientId = CLIENTS[client]!;
    const name = FILTERS[filter]!;
    const owner = this.#owners.get(clientId);
    if (action === 'cleanOpen') this.#sessionIds.delete(clientId);
    const sessionId = (this.#sessionIds.get(clientId) ?? ++this.#connections) as SessionId;
    switch (action) {
      case 'open':
      case 'cleanOpen': {
        this.#sessionIds.set(clientId, sessionId);
        if (owner !== undefined) this.#ended.set(clientId, owner);
        const next = { incarnation: incarnation('spoke', 1), connection: ++this.#connections };
        const opened = { owner: next, openedAtMs: timestampMs };
        this.#owners.set(clientId, opened);
        this.#add(
          { type: 'SessionOpened', state: sessionState({ clientId, sessionId, ...opened }) },
          timestampMs,
        );
        return;
      }
      case 'close':
      case 'lateClose': {
        const closed = action === 'close' ? owner : this.#ended.get(clientId);
        if (owner === undefined || closed === undefined) return;
        if (action === 'close') this.#leave(clientId, closed);
        const { owner: closedOwner, openedAtMs } = closed;
        const state = closedSession(timestampMs, { clientId, sessionId, closedOwner, openedAtMs });
        this.#add({ type: 'SessionClosed', state }, timestampMs);
        // The owner states again what is so, as compaction keeps the last record.
        if (action === 'lateClose')
          this.#add(
            { type: 'SessionOpened', state: sessionState({ clientId, sessionId, ...owner }), restated: true },
            timestampMs,
          );
        return;
      }
      case 'subscribe':
        this.#add(
          { type: 'Subscribed', subscription: subscription(name, { clientId, sessionId }) },
          timestampMs,
        );
        return;
      case 'unsubscribe':
        this.#add(
          { type: 'Unsubscribed', tenant: DEFAULT_TENANT, clientId, filter: name, sessionId },
          timestampMs,
        );
        return;
      case 'end': {
        const last = owner ?? this.#ended.get(clientId);
        this.#owners.delete(clientId);
        this.#sessionIds.delete(clientId);
        this.#add(
          {
            type: 'SessionEnded',
            tenant: DEFAULT_TENANT,
            clientId,
            reason: 'expired',
            lastOwner: last?.owner,
            lastOpenedAtMs: last?.openedAtMs,
          },
          timestampMs,
        );
        return;
      }
    }
  }

  #leave(clientId: ClientId, owner: Ownership): void {
    this.#owners.delete(clientId);
    this.#ended.set(clientId, owner);
  }

  #add(event: SessionEvent, timestampMs: number): void {
    this.records.push(encodeSessionEvent(event, timestampMs));
  }
}

async function check(
  log: EventLog,
  entries: readonly LogEntry[],
  nowMs: number,
  lagMs: number,
  atMs: number,
): Promise<void> {
  const window = new LogWindow({ nowMs: () => nowMs }, lagMs);
  const history = new SessionHistory({ log, window, answerMsMax: ANSWER_MS_MAX });
  for (const clientId of CLIENTS) {
    const expected = pastOf(entries, DEFAULT_TENANT, clientId, atMs);
    const asked = history.at(DEFAULT_TENANT, clientId, atMs, new AbortController().signal);
    const found = await asked.catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      expect(['NOT_FOUND', 'BEYOND_LOG']).toContain(error.code);
      return undefined;
    });
    expect(found && summary(found)).toEqual(
      expected && {
        owner: expected.session.owner,
        openedAtMs: expected.session.openedAtMs,
        filters: expected.filters,
        offset: expected.offset,
      },
    );
  }
}

function summary({ owner, openedAtMs, subscriptions, record }: PastSession): unknown {
  return {
    owner,
    openedAtMs,
    filters: subscriptions.map(({ filter }) => filter).sort(),
    offset: record.offset,
  };
}

test('of every moment the log tells the fold of the records up to it, in any order of times', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: 'max' }),
      fc.array(fc.nat({ max: 120 }), { maxLength: 5 }),
      async (steps, moments) => {
        const author = new Author();
        for (const each of steps) author.write(each, each.timeMs);
        const log = new MemoryEventLog(3);
        const entries = placed(author.records, await log.append(author.records));
        for (const atMs of moments) await check(log, entries, 120, 1_000, atMs);
      },
    ),
    { numRuns: 200 },
  );
});

test('within the compaction lag compaction changes no answer', async () => {
  const SEGMENT_BYTES = 2_048;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 100, maxLength: 300, size: 'max' }),
      fc.nat(),
      async (steps, seed) => {
        let nowMs = 0;
        const log = await openEmbeddedEventLog({
          directory: '/log',
          durability: 'os',
          nowMs: () => nowMs,
          compactionLagMs: 2_000,
          segmentBytes: SEGMENT_BYTES,
          fileSystem: new PowerCutFileSystem(seededRandom(seed)),
        });
        log.keepTombstonesFrom(() => Number.MAX_SAFE_INTEGER as Offset);
        const author = new Author();
        for (const each of steps) author.write(each, (nowMs += each.timeMs));
        const entries = placed(author.records, await log.append(author.records));
        await log.compact();
        for (const agoMs of [0, 500, 1_000, 1_999, 2_000])
          await check(log, entries, nowMs, 2_000, nowMs - agoMs);
        await log.close();
      },
    ),
    { numRuns: 25 },
  );
});
