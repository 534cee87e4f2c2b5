/**
 * What the log of one partition says of each of its keys, folded from the beginning of the log with `evolve`. Keeps digests
 * instead of values: it has to hold every key of a partition at once.
 */
import type { LogEntry, Offset } from '../../src/event-log/event-log.ts';
import { parseRecordKey } from '../../src/event-log/record-key.ts';
import { decodeRetainedEvent } from '../../src/event-log/retained-event-codec.ts';
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { UndecodableRecordError } from '../../src/event-log/undecodable-record-error.ts';
import type { SessionEvent } from '../../src/session/events.ts';
import { evolveKey, type KeyState, leanEvent, makesState } from './key-evolution.ts';
import { recordDigest } from './record-digest.ts';

export interface LoggedKey {
  /** Of the record that the state comes from, or that ended it. */
  offset: Offset;
  event: string;
  /** undefined: the key has no state. */
  digest: string | undefined;
  /** Of keys of sessions and subscriptions; of retained messages the latest record is the state. */
  readonly fold: KeyFold | undefined;
  /** The snapshot has a row of this key. */
  inSnapshot: boolean;
}

export interface KeyFold {
  state: KeyState | undefined;
  /**
   * Closes and ends, as long as no opening came before them. Whether they count is decided by a state that compaction may have
   * taken from the log. undefined: an opening came, and the state is what the log says.
   */
  baseless: LoggedRecord[] | undefined;
}

export interface LoggedRecord {
  readonly event: SessionEvent;
  readonly offset: Offset;
  /** undefined: an end. */
  readonly digest: string | undefined;
}

export class LoggedKeys {
  records = 0;
  /** Of these: of a later release, or not of SpokeMQ. */
  undecodable = 0;
  readonly #keys = new Map<string, LoggedKey>();
  /** There are a handful of names, and a record brings its own copy. */
  readonly #eventNames = new Map<string, string>();

  get(key: string): LoggedKey | undefined {
    return this.#keys.get(key);
  }

  entries(): IterableIterator<[string, LoggedKey]> {
    return this.#keys.entries();
  }

  /** Records in the order of the log. */
  apply(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      try {
        if (parseRecordKey(entry.key).kind === 'retained') this.#applyRetained(entry);
        else this.#applyEvolving(entry);
      } catch (error) {
        if (!(error instanceof UndecodableRecordError)) throw error;
        this.#applyUndecodable(entry);
      }
    }
    this.records += entries.length;
  }

  /** As the metadata service does: it is in the snapshot as it is, and what comes next counts, whatever it is. */
  #applyUndecodable(entry: LogEntry): void {
    const known = this.#keys.get(entry.key);
    const fold = known?.fold ?? { state: undefined, baseless: [] };
    fold.state = undefined;
    fold.baseless = [];
    this.#set(entry, digestOf(entry), known, fold);
    this.undecodable++;
  }

  #applyRetained(entry: LogEntry): void {
    decodeRetainedEvent(entry); // Throws where this release cannot read it.
    this.#set(entry, digestOf(entry), this.#keys.get(entry.key), undefined);
  }

  #applyEvolving(entry: LogEntry): void {
    const { key, offset } = entry;
    const event = leanEvent(decodeSessionEvent(entry));
    const digest = digestOf(entry);
    const known = this.#keys.get(key);
    const fold = known?.fold ?? { state: undefined, baseless: [] };
    if (makesState(event)) fold.baseless = undefined;
    else fold.baseless?.push({ event, offset, digest });
    const before = fold.state;
    fold.state = evolveKey(before, event, offset);
    // A late close or end, of an earlier owner or session, leaves everything as it was.
    if (before !== undefined && fold.state === before) return;
    this.#set(entry, digest, known, fold);
  }

  #set(
    { key, offset, event: name }: LogEntry,
    digest: string | undefined,
    known: LoggedKey | undefined,
    fold: KeyFold | undefined,
  ): void {
    const event = this.#eventName(name);
    if (known === undefined) this.#keys.set(key, { offset, event, digest, fold, inSnapshot: false });
    else Object.assign(known, { offset, event, digest });
  }

  #eventName(name: string): string {
    const known = this.#eventNames.get(name);
    if (known !== undefined) return known;
    // Ends name owners: those are not a handful.
    const short = name.split(':', 2).join(':');
    this.#eventNames.set(name, short);
    return short;
  }
}

function digestOf(entry: LogEntry): string | undefined {
  return entry.value === null ? undefined : recordDigest(entry);
}
