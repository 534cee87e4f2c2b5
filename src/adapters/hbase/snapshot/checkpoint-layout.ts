/**
 * Rows of the table of checkpoints: the only place that knows how they are laid out (docs/adr/0008).
 *
 *     row  := topic | 0x00 | u16 partition
 *     cell := u8 version 1                    its timestamp is the next offset to read
 *
 * Of two checkpoints of a partition HBase keeps the one with the higher timestamp, so none moves backwards.
 */
import type { Offset } from '../../../event-log/event-log.ts';
import type { Put } from '../client/row-mutation.ts';
import type { Row } from '../client/row.ts';

export const CHECKPOINT_FAMILY = 'c';

const QUALIFIER = Buffer.from('o');
const SEPARATOR = 0x00;
const BEHIND_SEPARATOR = 0x01;
const PARTITION_BYTES = 2;
const VERSION = 1;

/** Where the rows of a topic begin, and where they end, exclusive. */
export function checkpointRange(topic: string): { readonly startRow: Buffer; readonly stopRow: Buffer } {
  const name = Buffer.from(topic);
  return {
    startRow: Buffer.from([...name, SEPARATOR]),
    stopRow: Buffer.from([...name, BEHIND_SEPARATOR]),
  };
}

export function checkpointPut(topic: string, partition: number, offset: Offset): Put {
  const name = Buffer.from(topic);
  const row = Buffer.from([...name, SEPARATOR, partition >> 8, partition & 0xff]);
  const value = Buffer.from([VERSION]);
  const cell = { family: CHECKPOINT_FAMILY, qualifier: QUALIFIER, value, timestamp: BigInt(offset) };
  return { kind: 'put', row, cells: [cell] };
}

/** Throws a `RangeError` when the row is not one of ours. */
export function checkpointOf({ key, cells }: Row): { readonly partition: number; readonly offset: Offset } {
  const [cell] = cells;
  const offset = Number(cell?.timestamp);
  if (cell?.value[0] !== VERSION || !Number.isSafeInteger(offset))
    throw new RangeError(`row ${key.toString('hex')} is no checkpoint that this release can read`);
  return { partition: key.readUInt16BE(key.length - PARTITION_BYTES), offset: offset as Offset };
}
