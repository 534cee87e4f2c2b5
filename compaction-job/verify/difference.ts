/** A difference between snapshot and log, for whoever mends it and for people. */
import type { Offset } from '../../src/event-log/event-log.ts';
import type { DifferenceKind } from './comparison.ts';

export interface Difference {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly kind: DifferenceKind;
  /** The row in the snapshot; undefined: there is none. */
  readonly there: { readonly offset: Offset; readonly event: string } | undefined;
  /** The record of the log that belongs there; undefined: nothing does. */
  readonly shouldBe: { readonly offset: Offset; readonly event: string } | undefined;
}

/** `sessions[3] "s default bike-17": stale, has SessionOpened of offset 12, should have SessionClosed of offset 40` */
export function differenceText({ topic, partition, key, kind, there, shouldBe }: Difference): string {
  const name = JSON.stringify(key.replaceAll('\0', ' '));
  return `${topic}[${partition}] ${name}: ${kind}, has ${recordText(there)}, should have ${recordText(shouldBe)}`;
}

function recordText(record: Difference['there']): string {
  if (record === undefined) return 'nothing';
  return `${record.event || 'a record'} of offset ${record.offset}`;
}
