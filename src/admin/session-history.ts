/**
 * What one client's session was at a moment that has passed: all records of the client up to that moment, folded as the broker
 * folds them. Reads one partition from its start, holds one batch and one client, and gives up at a deadline.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { EventLog, LogEntry, LogPosition, Offset } from '../event-log/event-log.ts';
import { clientPartitionKey } from '../event-log/record-key.ts';
import { decodeSessionEvent } from '../event-log/session-event-codec.ts';
import { SessionRegistry } from '../session/session-registry.ts';
import type { RegistryObserver } from '../session/session-registry.ts';
import type { ClientId, TenantId } from '../tenancy/identity.ts';
import type { PastSession } from './admin-port.ts';
import { ApiError } from './api-error.ts';
import { decodedOrUndefined } from './decoded-record.ts';
import type { LogWindow } from './log-window.ts';
import { subscriptionSummary } from './session-admin.ts';

/** Records read at a time; the log gives fewer when they are large. */
const READ_RECORDS = 4_000;

/** Answers under way at a time: each reads a partition for itself. */
export const HISTORY_READS_MAX = 2;

const NOBODY_LISTENS: RegistryObserver = {
  sessionChanged: () => undefined,
  overruled: () => undefined,
  subscriptionOverruled: () => undefined,
  subscribed: () => undefined,
  unsubscribed: () => undefined,
};

export interface SessionHistoryOptions {
  readonly log: Pick<EventLog, 'partitionOf' | 'startOffsets' | 'endOffsets' | 'read'>;
  readonly window: LogWindow;
  /** Longest that one answer may take, milliseconds. */
  readonly answerMsMax: number;
}

export class SessionHistory {
  readonly #options: SessionHistoryOptions;
  #reads = 0;

  constructor(options: SessionHistoryOptions) {
    this.#options = options;
  }

  /** Rejects with an `ApiError`: no session then, a moment that cannot be told any more or has not come yet, no time left. */
  async at(tenant: TenantId, clientId: ClientId, atMs: number, signal: AbortSignal): Promise<PastSession> {
    if (atMs > this.#options.window.nowMs) {
      const message = `${timeText(atMs)} has not come yet`;
      throw new ApiError('BAD_REQUEST', message, 'Ask for a moment that has passed, or leave the time out');
    }
    if (this.#reads >= HISTORY_READS_MAX)
      throw new ApiError(
        'TOO_MANY_READS',
        `${HISTORY_READS_MAX} such questions are being answered`,
        'Try again soon',
      );
    this.#reads++;
    try {
      return await this.#answer(tenant, clientId, atMs, signal);
    } finally {
      this.#reads--;
    }
  }

  async #answer(
    tenant: TenantId,
    clientId: ClientId,
    atMs: number,
    signal: AbortSignal,
  ): Promise<PastSession> {
    const { log, window } = this.#options;
    const refusal = (completeFrom: string): string =>
      `Ask for ${completeFrom} or later. A longer eventLog.compactionLagMs keeps more of what is to come`;
    window.check(atMs, refusal);
    const fold = new ClientFold(tenant, clientId, atMs);
    await this.#read(log.partitionOf(clientPartitionKey(tenant, clientId)), fold, signal);
    // Compaction went on meanwhile.
    window.check(atMs, refusal);
    return fold.answer();
  }

  async #read(partition: number, fold: ClientFold, signal: AbortSignal): Promise<void> {
    const { log, window, answerMsMax } = this.#options;
    const [starts, ends] = [await log.startOffsets(), await log.endOffsets()];
    const [start, end] = [starts[partition] ?? 0, ends[partition] ?? 0];
    const deadlineMs = window.nowMs + answerMsMax;
    let next = start as Offset;
    // To the end: event times need not rise, and a record of the time asked for may come behind a later one.
    while (next < end && !signal.aborted) {
      const entries = await log.read(partition, next, READ_RECORDS);
      const last = entries.at(-1);
      if (last === undefined) return;
      for (const entry of entries) fold.take(entry);
      next = (last.offset + 1) as Offset;
      if (window.nowMs > deadlineMs && next < end) throw tooSlow(answerMsMax, next - start, end - start);
      await endOfTurn(); // The records may have come from memory, and clients wait for their turn.
    }
  }
}

/** The fold of one client's records up to one moment. */
class ClientFold {
  readonly #tenant: TenantId;
  readonly #clientId: ClientId;
  readonly #atMs: number;
  readonly #partitionKey: string;
  readonly #registry: SessionRegistry;
  /** Of any client, where all records are too late: there was no log yet. */
  #firstMs = Infinity;
  #record: (LogPosition & { readonly timestampMs: number }) | undefined;
  #ended: { readonly atMs: number; readonly reason: string } | undefined;

  constructor(tenant: TenantId, clientId: ClientId, atMs: number) {
    this.#tenant = tenant;
    this.#clientId = clientId;
    this.#atMs = atMs;
    this.#partitionKey = clientPartitionKey(tenant, clientId);
    this.#registry = new SessionRegistry(tenant, NOBODY_LISTENS);
  }

  take(entry: LogEntry): void {
    this.#firstMs = Math.min(this.#firstMs, entry.timestampMs);
    if (entry.timestampMs > this.#atMs || entry.partitionKey !== this.#partitionKey) return;
    const before = this.#registry.session(this.#clientId);
    const event = decodedOrUndefined(entry, decodeSessionEvent);
    if (event === undefined) return;
    this.#registry.apply(event, entry.offset);
    const session = this.#registry.get(this.#clientId)?.session;
    if (session?.offset === entry.offset) {
      const { partition, offset, timestampMs } = entry;
      this.#record = { partition, offset, timestampMs };
    } else if (event.type === 'SessionEnded' && before !== undefined && session === undefined) {
      this.#ended = { atMs: entry.timestampMs, reason: event.reason };
    }
  }

  answer(): PastSession {
    const entry = this.#registry.get(this.#clientId);
    const session = entry?.session?.value;
    if (entry === undefined || session === undefined || this.#record === undefined) throw this.#noSession();
    const { will, ...members } = session;
    return {
      atMs: this.#atMs,
      ...members,
      connected: session.owner !== undefined,
      will: will && { topic: will.topic, qos: will.qos, retain: will.retain, delayS: will.delayS },
      subscriptions: Array.from(entry.subscriptions.values(), ({ value }) => value)
        // Those of an earlier session count for nothing, even before their tombstones come.
        .filter(({ sessionId }) => sessionId === session.sessionId)
        .map(subscriptionSummary),
      record: this.#record,
    };
  }

  #noSession(): ApiError {
    const at = timeText(this.#atMs);
    if (this.#firstMs !== Infinity && this.#firstMs > this.#atMs) {
      const first = timeText(this.#firstMs);
      return new ApiError(
        'BEYOND_LOG',
        `${at} was before the log: the first record where this client's records are is of ${first}`,
        `Ask for ${first} or later`,
      );
    }
    const ended =
      this.#ended === undefined
        ? ''
        : `: its last one had ended at ${timeText(this.#ended.atMs)} (${this.#ended.reason})`;
    return new ApiError(
      'NOT_FOUND',
      `client ${JSON.stringify(this.#clientId)} of tenant "${this.#tenant}" had no session at ${at}${ended}`,
      'List its events, name another tenant, or ask for another time',
    );
  }
}

function tooSlow(answerMsMax: number, read: number, all: number): ApiError {
  return new ApiError(
    'TOO_SLOW',
    `after ${answerMsMax} ms ${read.toLocaleString('en')} of ${all.toLocaleString('en')} offsets of the partition were read`,
    'Make admin.historyMsMax longer; a topic with more partitions answers sooner',
  );
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
