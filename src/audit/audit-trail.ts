/**
 * The audit trail port, and the trail itself over an event log. Changes are durable before they are made; what is only noted – refused
 * logins, exceeded quotas – never waits for the log, is added up per second and subject, and is counted when it is lost.
 */
import type { EventLog } from '../event-log/event-log.ts';
import type { Clock, TimerHandle, Timers } from '../time/clock.ts';
import { encodeAuditEntry } from './audit-event-codec.ts';
import { AUDIT_KINDS, type AdministrativeChange, type AuditEntry, type AuditNote } from './audit-event.ts';
import { NotedSubjects } from './noted-subjects.ts';

/** Time over which notes are added up. */
const COLLECT_MS = 1_000;

export interface AuditNotes {
  /** Never waits and never throws. */
  note(note: AuditNote): void;
}

export interface AuditTrail extends AuditNotes {
  /** Resolves when it is durable; rejects with `StoreUnavailableError`: then the change must not be made. */
  record(change: AdministrativeChange): Promise<void>;
}

/** Where nothing is kept. */
export const NO_NOTES: AuditNotes = { note: () => undefined };

export interface LoggedAuditTrailOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly brokerId: string;
  /** Subjects per second that are told apart; the rest of each kind is one. */
  readonly subjectsMax: number;
  /** Notes were lost. */
  readonly onLost: (notes: number, error: unknown) => void;
}

export class LoggedAuditTrail implements AuditTrail {
  /** Since the start: how often each kind of thing happened. */
  readonly counts = Object.fromEntries(AUDIT_KINDS.map((kind) => [kind, 0])) as Record<
    AuditEntry['event']['kind'],
    number
  >;
  /** Notes that are on no trail. */
  lost = 0;
  readonly #options: LoggedAuditTrailOptions;
  readonly #subjects: NotedSubjects;
  #timer: TimerHandle | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(options: LoggedAuditTrailOptions) {
    this.#options = options;
    this.#subjects = new NotedSubjects(options.subjectsMax);
  }

  /** Subjects whose notes wait for the log. */
  get waiting(): number {
    return this.#subjects.size;
  }

  /** `atMs`: default now; earlier for what could not be recorded when it was made. */
  async record(change: AdministrativeChange, atMs: number = this.#options.clock.nowMs()): Promise<void> {
    const { log } = this.#options;
    await log.append([this.#encoded({ atMs, sinceMs: atMs, count: 1, event: change })]);
    this.counts.administrativeChange++;
  }

  note(note: AuditNote): void {
    this.counts[note.kind]++;
    this.#subjects.add(note, this.#options.clock.nowMs());
    this.#writeSoon();
  }

  /** Writes what was noted. What is noted afterwards is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#writing;
    await this.#write();
  }

  /** One append at a time: while the log does not answer, notes go on adding up. */
  #writeSoon(): void {
    if (this.#closed || this.#timer !== undefined || this.#writing !== undefined) return;
    this.#timer = this.#options.timers.after(COLLECT_MS, () => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#subjects.size > 0) this.#writeSoon();
      });
    });
  }

  async #write(): Promise<void> {
    const noted = this.#subjects.take();
    if (noted.length === 0) return;
    try {
      await this.#options.log.append(noted.map((entry) => this.#encoded(entry)));
    } catch (error) {
      const notes = noted.reduce((sum, { count }) => sum + count, 0);
      this.lost += notes;
      this.#options.onLost(notes, error);
    }
  }

  #encoded(entry: Omit<AuditEntry, 'brokerId'>): ReturnType<typeof encodeAuditEntry> {
    return encodeAuditEntry({ ...entry, brokerId: this.#options.brokerId });
  }
}
