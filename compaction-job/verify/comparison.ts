/**
 * Compares what the snapshot has of a key with what the log says: pure. The checkpoint promises that every record before it is in
 * the rows; what came later may be on its way.
 */
import type { Offset } from '../../src/event-log/event-log.ts';
import { evolveKey, type KeyState } from './key-evolution.ts';
import type { LoggedKey, LoggedRecord } from './logged-keys.ts';

export type DifferenceKind =
  /** The log has a state of the key, the snapshot has none. */
  | 'missing'
  /** The snapshot has an earlier state than the log, or one that has ended. */
  | 'stale'
  /** Same offset, other contents. */
  | 'altered'
  /** The log has no such record. */
  | 'unknown';

export type Comparison =
  | { readonly is: 'same' }
  /** Not written yet. */
  | { readonly is: 'behind' }
  /**
   * The snapshot has the state that is in force, and the log has kept a late close or end in its place, of an earlier owner or
   * session, which did not count. The snapshot is right; a fold of this log alone would not be.
   */
  | { readonly is: 'overruled' }
  | {
      readonly is: 'different';
      readonly kind: DifferenceKind;
      /** Of the record whose state, or end, belongs into the snapshot; undefined: nothing does. */
      readonly recordAt: Offset | undefined;
    };

/** What is to be known of a row. */
export interface SnapshotEntry {
  readonly offset: Offset;
  readonly digest: string;
  /** Of rows of sessions and subscriptions, if it can be decoded. */
  readonly state: KeyState | undefined;
}

/** `logged`: everything before the offset of the row has been read. `checkpoint` was loaded before the row. */
export function compareRow(
  row: SnapshotEntry,
  logged: LoggedKey | undefined,
  checkpoint: Offset,
): Comparison {
  if (logged === undefined) return different('unknown', undefined);
  if (row.offset === logged.offset) {
    return row.digest === logged.digest ? { is: 'same' } : different('altered', logged.offset);
  }
  const baseless = logged.fold?.baseless;
  if (baseless !== undefined && row.state !== undefined) {
    return compareWithBaseless(row, row.state, baseless, logged, checkpoint);
  }
  return row.offset > logged.offset ? unknown(logged) : staleOrBehind(logged.offset, checkpoint);
}

/** A key that the log knows and the snapshot has no row of. */
export function compareAbsence(logged: LoggedKey, checkpoint: Offset): Comparison {
  if (logged.digest === undefined) return { is: 'same' };
  if (endedBeforeCompaction(logged)) return { is: 'overruled' };
  return logged.offset < checkpoint ? different('missing', logged.offset) : { is: 'behind' };
}

/**
 * Where no opening is left on the log, the row is taken for the state that the records behind it were written to; they say what
 * became of it. A record that did not count from nothing may have counted for an owner whose record is gone.
 */
function compareWithBaseless(
  row: SnapshotEntry,
  made: KeyState,
  records: readonly LoggedRecord[],
  logged: LoggedKey,
  checkpoint: Offset,
): Comparison {
  const first = records[0];
  if (first !== undefined && row.offset >= first.offset) {
    const maker = records.find(({ offset }) => offset === row.offset);
    if (maker === undefined) return unknown(logged);
    if (maker.digest !== row.digest) return different('altered', maker.offset);
  }
  let state: KeyState | undefined = made;
  let changedAt: Offset | undefined;
  for (const { event, offset } of records) {
    const after: KeyState | undefined = evolveKey(state, event, offset);
    if (after !== state) changedAt = offset;
    state = after;
  }
  return changedAt === undefined ? { is: 'overruled' } : staleOrBehind(changedAt, checkpoint);
}

/** An end that did not count in this log alone may have counted for the owner whose record is gone. */
function endedBeforeCompaction({ fold, offset }: LoggedKey): boolean {
  const records = fold?.baseless ?? [];
  return records.some((record) => record.digest === undefined && record.offset > offset);
}

/** The log has a later record than the row. */
function staleOrBehind(recordAt: Offset, checkpoint: Offset): Comparison {
  return recordAt < checkpoint ? different('stale', recordAt) : { is: 'behind' };
}

function unknown({ digest, offset }: LoggedKey): Comparison {
  return different('unknown', digest === undefined ? undefined : offset);
}

function different(kind: DifferenceKind, recordAt: Offset | undefined): Comparison {
  return { is: 'different', kind, recordAt };
}
