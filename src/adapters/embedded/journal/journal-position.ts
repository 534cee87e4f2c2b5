/** Where a record begins. Positions rise with time and are never used twice, whatever happens in between. */
export interface RecordPosition {
  /** From 1. */
  readonly segment: number;
  /** Bytes from the start of the segment file. */
  readonly offset: number;
}

export const JOURNAL_START: RecordPosition = { segment: 0, offset: 0 };

/** Negative: `left` is earlier. */
export function comparePositions(left: RecordPosition, right: RecordPosition): number {
  return left.segment - right.segment || left.offset - right.offset;
}
