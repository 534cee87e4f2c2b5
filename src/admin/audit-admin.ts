/** The audit trail for the admin API: what is within its retention, in the order in which it was recorded. */
import { decodeAuditEntry } from '../audit/audit-event-codec.ts';
import { tenantOf } from '../audit/audit-event.ts';
import type { EventLog } from '../event-log/event-log.ts';
import type { Clock } from '../time/clock.ts';
import type { AuditedEvent, AuditQuery, EventStart } from './admin-port.ts';
import { decodedOrUndefined } from './decoded-record.ts';
import { LogReader } from './log-reader.ts';

export class AuditAdmin {
  readonly #reader: LogReader;
  readonly #clock: Clock;
  readonly #retentionMs: number;

  constructor(log: EventLog, clock: Clock, retentionMs: number) {
    this.#reader = new LogReader(log, () => undefined);
    this.#clock = clock;
    this.#retentionMs = retentionMs;
  }

  isAuditCursor(cursor: string): boolean {
    return this.#reader.isCursor(cursor);
  }

  async *tailAudit(query: AuditQuery, signal: AbortSignal): AsyncGenerator<AuditedEvent, void, undefined> {
    const oldestMs = this.#clock.nowMs() - this.#retentionMs;
    const since = notBefore(oldestMs, query.since);
    let left = query.limit ?? Infinity;
    if (left <= 0) return;
    for await (const { entry, cursor } of this.#reader.read({ ...query, since }, signal)) {
      const audited = decodedOrUndefined(entry, decodeAuditEntry);
      // Files are given back as a whole: what is too old may still be there.
      if (audited === undefined || audited.atMs < oldestMs) continue;
      const { event, ...times } = audited;
      if (query.tenant !== undefined && query.tenant !== tenantOf(event)) continue;
      if (query.kind !== undefined && query.kind !== event.kind) continue;
      yield { ...times, ...event, cursor };
      left--;
      if (left === 0) return;
    }
  }
}

function notBefore(oldestMs: number, since: EventStart): EventStart {
  if (since === 'start') return { timeMs: oldestMs };
  return typeof since === 'object' && 'timeMs' in since
    ? { timeMs: Math.max(oldestMs, since.timeMs) }
    : since;
}
