/** Changes of single rows, and how they are written in HBase's messages. */
import { halvesOf } from './halves.ts';
import type { MutationMessage } from './messages.ts';

export interface PutCell {
  readonly family: string;
  readonly qualifier: Uint8Array;
  readonly value: Uint8Array;
  /** Of two cells with the same name the one with the higher number counts. Left out: the server's clock, milliseconds. */
  readonly timestamp?: bigint;
}

export interface Put {
  readonly kind: 'put';
  readonly row: Uint8Array;
  /** At least one. */
  readonly cells: readonly PutCell[];
}

/** Deletes what is not newer than `timestamp`: of the whole row, of one family, or of one column. */
export interface Delete {
  readonly kind: 'delete';
  readonly row: Uint8Array;
  readonly families: readonly string[];
  /** Only this column of each family. */
  readonly qualifier?: Uint8Array;
  /** Left out: everything there is, by the server's clock. */
  readonly timestamp?: bigint;
}

/** Deletes one version of one column: what is older comes to light again, if it is still there. */
export interface DeleteVersion {
  readonly kind: 'delete-version';
  readonly row: Uint8Array;
  readonly family: string;
  readonly qualifier: Uint8Array;
  readonly timestamp: bigint;
}

export type RowMutation = Put | Delete | DeleteVersion;

const INCREMENT = 1;
const PUT = 2;
const DELETE = 3;
const DELETE_ONE_VERSION = 0;
const DELETE_MULTIPLE_VERSIONS = 1;
const DELETE_FAMILY = 2;

/** What HBase takes a counter's value for: a number of 64 bits, big endian. */
const COUNTER_BYTES = 8;

/** Rough size on the wire beside keys and values, bytes: bounds of batches need no more. */
const CELL_OVERHEAD_BYTES = 24;

export function mutationMessage(mutation: RowMutation): MutationMessage {
  switch (mutation.kind) {
    case 'put':
      return putMessage(mutation);
    case 'delete':
      return deleteMessage(mutation);
    case 'delete-version':
      return deleteVersionMessage(mutation);
  }
}

/** Adds to the number in a column of one row. */
export function incrementMessage(
  row: Uint8Array,
  family: string,
  qualifier: Uint8Array,
  amount: bigint,
): MutationMessage {
  const value = Buffer.alloc(COUNTER_BYTES);
  value.writeBigInt64BE(amount);
  const columnValue = [{ family: Buffer.from(family), qualifierValue: [{ qualifier, value }] }];
  return { row, mutateType: INCREMENT, columnValue };
}

/** About the bytes that the mutation takes in a request. */
export function mutationBytes(mutation: RowMutation): number {
  let bytes = mutation.row.length + CELL_OVERHEAD_BYTES;
  if (mutation.kind === 'put') {
    for (const { qualifier, value } of mutation.cells)
      bytes += qualifier.length + value.length + CELL_OVERHEAD_BYTES;
  }
  return bytes;
}

function putMessage({ row, cells }: Put): MutationMessage {
  const families = new Map<string, MutationMessage['columnValue'][number]['qualifierValue'][number][]>();
  for (const { family, qualifier, value, timestamp } of cells) {
    const columns = families.get(family) ?? [];
    families.set(family, columns);
    columns.push({ qualifier, value, ...(timestamp !== undefined && { timestamp: halvesOf(timestamp) }) });
  }
  const columnValue = [...families].map(([family, qualifierValue]) => ({
    family: Buffer.from(family),
    qualifierValue,
  }));
  return { row, mutateType: PUT, columnValue };
}

function deleteMessage({ row, families, qualifier, timestamp }: Delete): MutationMessage {
  const time = timestamp !== undefined && { timestamp: halvesOf(timestamp) };
  const column =
    qualifier === undefined
      ? { qualifier: Buffer.alloc(0), deleteType: DELETE_FAMILY as 2 }
      : { qualifier, deleteType: DELETE_MULTIPLE_VERSIONS as 1 };
  const columnValue = families.map((family) => ({
    family: Buffer.from(family),
    qualifierValue: [{ ...column, ...time }],
  }));
  return { row, mutateType: DELETE, columnValue, ...time };
}

function deleteVersionMessage({ row, family, qualifier, timestamp }: DeleteVersion): MutationMessage {
  const column = { qualifier, timestamp: halvesOf(timestamp), deleteType: DELETE_ONE_VERSION } as const;
  const columnValue = [{ family: Buffer.from(family), qualifierValue: [column] }];
  return { row, mutateType: DELETE, columnValue };
}
