/**
 * Adds up what is noted again and again: one entry per kind and subject with a count. The number of subjects has a bound; what comes
 * on top is one entry per kind, so that whoever invents names fills neither memory nor the trail.
 */
import type { AuditEntry, AuditEvent, AuditNote } from './audit-event.ts';

/** A client may send 64 KiB of name. */
const TEXT_CHARACTERS_MAX = 256;

export type Noted = Omit<AuditEntry, 'brokerId'>;
interface Counted {
  readonly event: AuditEvent;
  readonly sinceMs: number;
  atMs: number;
  count: number;
}

export class NotedSubjects {
  readonly #subjectsMax: number;
  #noted = new Map<string, Counted>();
  #further = new Map<AuditNote['kind'], Counted>();

  constructor(subjectsMax: number) {
    this.#subjectsMax = subjectsMax;
  }

  get size(): number {
    return this.#noted.size + this.#further.size;
  }

  add(note: AuditNote, nowMs: number): void {
    const event = shortened(note);
    const key = JSON.stringify(Object.values(event));
    const known = this.#noted.get(key);
    if (known !== undefined) countAgain(known, nowMs);
    else if (this.#noted.size < this.#subjectsMax) this.#noted.set(key, counted(event, nowMs));
    else this.#addFurther(note.kind, nowMs);
  }

  /** All there are, in the order of their first times; none are left. */
  take(): readonly Noted[] {
    const taken = [...this.#noted.values(), ...this.#further.values()];
    this.#noted = new Map();
    this.#further = new Map();
    return taken;
  }

  #addFurther(of: AuditNote['kind'], nowMs: number): void {
    const known = this.#further.get(of);
    if (known === undefined) this.#further.set(of, counted({ kind: 'furtherNotes', of }, nowMs));
    else countAgain(known, nowMs);
  }
}

function counted(event: AuditEvent, nowMs: number): Counted {
  return { event, sinceMs: nowMs, atMs: nowMs, count: 1 };
}

function countAgain(noted: Counted, nowMs: number): void {
  noted.atMs = nowMs;
  noted.count++;
}

/** Of texts that clients choose the beginning. */
function shortened(note: AuditNote): AuditNote {
  const entries = Object.entries(note).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'string' && value.length > TEXT_CHARACTERS_MAX
      ? `${value.slice(0, TEXT_CHARACTERS_MAX)}…`
      : value,
  ]);
  return Object.fromEntries(entries) as AuditNote;
}
