/**
 * Two days of a bike fleet on the event log, made of the trips in `examples/trips` with the broker's own decisions, and
 * what an analysis of them has to find. The answers are written down while the days are made up, not read from the log.
 */
import { readFileSync } from 'node:fs';
import type { LogEntry, LogRecord, Offset } from '../../src/event-log/event-log.ts';
import { decodeSessionEvent, encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { planFleet } from '../../src/fleet/fleet-plan.ts';
import { parseTripFile } from '../../src/fleet/trip-file.ts';
import { decide } from '../../src/session/decide.ts';
import type { SessionCommand } from '../../src/session/decide.ts';
import { evolveSession } from '../../src/session/evolve.ts';
import type { Versioned } from '../../src/session/evolve.ts';
import type { CloseReason, SessionOwner, SessionState, Will } from '../../src/session/events.ts';
import { incarnation } from '../../src/tenancy/identity.ts';
import type { ClientId, SessionId, TenantId } from '../../src/tenancy/identity.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const TENANT = 'lakeside' as TenantId;
const TRIPS = 60;
const BIKES = 12;
/** They do not come back on the second day. */
const LOST_BIKES: readonly number[] = [2, 5];
const EXPIRY_S = 7 * 24 * 3_600;
const BROKER = incarnation('spoke-1', 3);
const WILL: Will = {
  topic: 'bikes/lost',
  payload: Buffer.from('gone'),
  qos: 1,
  retain: false,
  delayS: 30,
  messageExpiryS: undefined,
  properties: Buffer.alloc(0),
};

interface Connection {
  readonly clientId: string;
  readonly fromMs: number;
  /** undefined: still open. */
  readonly throughMs: number | undefined;
}

export interface RecordedDays {
  readonly records: readonly LogRecord[];
  /** The days of the trips, and eighteen hours more. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly answers: ReturnType<typeof answersOf>;
}

export function recordedDays(): RecordedDays {
  const csv = new URL('../../examples/trips/lakeside.csv', import.meta.url);
  const trips = parseTripFile('lakeside.csv', readFileSync(csv, 'utf8')).trips.slice(0, TRIPS);
  const tripsFromMs = Math.min(...trips.map(({ startMs }) => startMs));
  const fromMs = Math.floor(tripsFromMs / DAY_MS) * DAY_MS;
  const diary = new FleetDiary();

  // Connected all the time, since before the window; and one that nobody has seen for long, until its session expires.
  diary.open('gateway', fromMs - 30 * MINUTE_MS, EXPIRY_S);
  diary.open('bike-99', fromMs - 5 * HOUR_MS, EXPIRY_S);
  diary.close('bike-99', fromMs - 4 * HOUR_MS, 'keepAliveTimeout');
  diary.end('bike-99', fromMs + 3 * HOUR_MS);

  for (const day of [0, 1]) {
    diary.open('console', fromMs + day * DAY_MS + 8 * HOUR_MS, 0);
    for (const { atMs, bike, action } of planFleet(trips, BIKES, { speed: 1 }).commands) {
      if (day === 1 && LOST_BIKES.includes(bike)) continue;
      const whenMs = tripsFromMs + Math.round(atMs) + day * DAY_MS;
      const name = `bike-${bike}`;
      if (action === 'unlock') {
        diary.open(name, whenMs, EXPIRY_S);
        // Out of coverage at once: it connects again before anybody has noticed.
        if (bike % 4 === 0) diary.open(name, whenMs + MINUTE_MS, EXPIRY_S);
      } else {
        diary.close(name, whenMs, bike % 3 === 0 ? 'connectionLost' : 'clientDisconnect');
      }
    }
    diary.close('console', fromMs + day * DAY_MS + 23 * HOUR_MS, 'clientDisconnect');
  }
  const toMs = fromMs + 2 * DAY_MS + 18 * HOUR_MS;
  return { records: diary.records, fromMs, toMs, answers: answersOf(diary, fromMs, toMs) };
}

/** As a log with one partition holds them. */
export function entriesOf(records: readonly LogRecord[]): LogEntry[] {
  return records.map((record, offset) => ({ ...record, partition: 0, offset: offset as Offset }));
}

/** Decides as a broker does, and remembers what it was told to do. */
class FleetDiary {
  readonly connections: Connection[] = [];
  readonly closed = new Map<string, { readonly atMs: number; readonly reason: CloseReason }>();
  readonly records: LogRecord[] = [];
  readonly #sessions = new Map<string, Versioned<SessionState>>();
  readonly #opened = new Map<string, { readonly owner: SessionOwner; readonly atMs: number }>();

  open(clientId: string, atMs: number, sessionExpiryS: number): void {
    this.#connectionEnds(clientId, atMs);
    const owner = { incarnation: BROKER, connection: this.records.length + 1 };
    this.#opened.set(clientId, { owner, atMs });
    this.closed.delete(clientId);
    this.#append(clientId, atMs, {
      type: 'open',
      tenant: TENANT,
      clientId: clientId as ClientId,
      newSessionId: owner.connection as SessionId,
      clientName: clientId,
      level: 5,
      owner,
      cleanStart: sessionExpiryS === 0,
      sessionExpiryS,
      will: clientId === 'console' ? undefined : WILL,
      address: '192.0.2.7:50000',
      nowMs: atMs,
    });
    this.#subscribe(clientId, atMs);
  }

  close(clientId: string, atMs: number, reason: CloseReason): void {
    const opened = this.#opened.get(clientId);
    if (opened === undefined) throw new Error(`${clientId} is not connected: it cannot be closed`);
    this.#connectionEnds(clientId, atMs);
    this.#opened.delete(clientId);
    const publishWill = reason !== 'clientDisconnect';
    const { owner } = opened;
    const session = this.#sessions.get(clientId)?.value;
    this.#append(clientId, atMs, {
      type: 'close',
      owner,
      reason,
      publishWill,
      sessionExpiryS: undefined,
      sentThrough: undefined,
      nowMs: atMs,
    });
    if (session?.sessionExpiryS === 0) return;
    this.closed.set(clientId, { atMs, reason });
    if (publishWill && session !== undefined) {
      const { sessionId, openedAtMs } = session;
      this.#append(clientId, atMs + WILL.delayS * 1_000, { type: 'willPublished', sessionId, openedAtMs });
    }
  }

  end(clientId: string, atMs: number): void {
    this.#append(clientId, atMs, { type: 'end', reason: 'expired' });
  }

  /** Everything that is still open, as a connection without an end. */
  get all(): readonly Connection[] {
    const open = Array.from(this.#opened, ([clientId, { atMs }]) => ({
      clientId,
      fromMs: atMs,
      throughMs: undefined,
    }));
    return [...this.connections, ...open];
  }

  #connectionEnds(clientId: string, atMs: number): void {
    const opened = this.#opened.get(clientId);
    if (opened !== undefined) this.connections.push({ clientId, fromMs: opened.atMs, throughMs: atMs });
  }

  #subscribe(clientId: string, atMs: number): void {
    const session = this.#sessions.get(clientId)?.value;
    if (session === undefined || session.sessionExpiryS === 0) return;
    const { tenant, sessionId } = session;
    const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    const filter = `bikes/${clientId}/#`;
    const subscription = { tenant, clientId: session.clientId, sessionId, filter, ...options };
    const subscriptions = [{ ...subscription, subscriptionId: undefined }];
    this.#append(clientId, atMs, { type: 'subscribe', subscriptions });
  }

  #append(clientId: string, atMs: number, command: SessionCommand): void {
    const current = this.#sessions.get(clientId);
    for (const event of decide(command, { session: current?.value, filters: [] })) {
      const record = encodeSessionEvent(event, atMs);
      const offset = this.records.push(record) as Offset;
      const read = decodeSessionEvent(record);
      if (read.type === 'Subscribed' || read.type === 'Unsubscribed') continue;
      const next = evolveSession(current, read, offset);
      if (next === undefined) this.#sessions.delete(clientId);
      else this.#sessions.set(clientId, next);
    }
  }
}

/** As `fleet_analytics --json` prints them. */
function answersOf(diary: FleetDiary, fromMs: number, toMs: number) {
  const within = (atMs: number | undefined): atMs is number =>
    atMs !== undefined && fromMs <= atMs && atMs < toMs;
  const ended = diary.all.filter(({ throughMs }) => within(throughMs));
  const totalMs = ended.reduce((sum, { fromMs: start, throughMs = start }) => sum + throughMs - start, 0);
  const hours = Array.from({ length: (toMs - fromMs) / HOUR_MS }, (_, hour) => fromMs + hour * HOUR_MS);
  const active = (startMs: number) =>
    new Set(
      diary.all
        .filter((each) => each.fromMs < startMs + DAY_MS && (each.throughMs ?? toMs) >= startMs)
        .map(({ clientId }) => clientId),
    );
  const [first, second] = [active(fromMs), active(fromMs + DAY_MS)];
  const lost = [...first].filter((clientId) => !second.has(clientId)).length;
  return {
    from: timeText(fromMs),
    to: timeText(toMs),
    clients: new Set(diary.all.map(({ clientId }) => clientId)).size,
    connectionsPerHour: hours.map((hour) => ({
      hour: timeText(hour),
      connections: diary.all.filter((each) => each.fromMs >= hour && each.fromMs < hour + HOUR_MS).length,
    })),
    sessionLength: {
      connections: ended.length,
      meanS: totalMs / ended.length / 1_000,
      stillOpen: diary.all.length - diary.connections.length,
    },
    churn: [
      { period: timeText(fromMs), active: first.size, lost: 0, rate: null },
      { period: timeText(fromMs + DAY_MS), active: second.size, lost, rate: lost / first.size },
    ],
    periodHours: 24,
    offline: Array.from(diary.closed, ([clientId, { atMs, reason }]) => ({ clientId, atMs, reason }))
      .filter(({ atMs }) => atMs < toMs - DAY_MS)
      .sort((one, other) => one.atMs - other.atMs)
      .map(({ clientId, atMs, reason }) => ({ tenant: TENANT, clientId, since: timeText(atMs), reason })),
    offlineHours: 24,
  };
}

/** To the second, rounded down as a clock shows it. */
function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
