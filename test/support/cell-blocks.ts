/** Cells as HBase writes them behind its answers, written by hand from the layout. */

export interface TestCell {
  readonly row: Uint8Array;
  readonly family: string;
  readonly qualifier: Uint8Array;
  readonly timestamp: bigint;
  readonly value: Uint8Array;
}

const PUT_TYPE = 4;

export function cellBlock(cells: readonly TestCell[]): Buffer {
  return Buffer.concat(cells.map(cellBytes));
}

function cellBytes({ row, family, qualifier, timestamp, value }: TestCell): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(timestamp);
  const familyBytes = Buffer.from(family);
  const key = Buffer.concat([
    Buffer.from([row.length >> 8, row.length & 0xff]),
    row,
    Buffer.from([familyBytes.length]),
    familyBytes,
    qualifier,
    time,
    Buffer.from([PUT_TYPE]),
  ]);
  const keyValue = Buffer.concat([length(key.length), length(value.length), key, value]);
  return Buffer.concat([length(keyValue.length), keyValue]);
}

function length(bytes: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(bytes);
  return field;
}
