import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CellCursor } from '../../../../../src/adapters/hbase/client/cell-block.ts';
import { HBaseError } from '../../../../../src/adapters/hbase/client/hbase-error.ts';
import type { ScanResponse } from '../../../../../src/adapters/hbase/client/messages.ts';
import { RowAssembly } from '../../../../../src/adapters/hbase/client/row-assembly.ts';
import { rowsOf, type Row } from '../../../../../src/adapters/hbase/client/row.ts';
import { cellBlock, type TestCell } from '../../../../support/cell-blocks.ts';

function cell(row: string, qualifier = 0, value = 'v'): TestCell {
  const name = Buffer.from([qualifier]);
  return { row: Buffer.from(row), family: 'f', qualifier: name, timestamp: 7n, value: Buffer.from(value) };
}

/** An answer with these results, each a list of cells, and whether more of its row may follow. */
function answer(results: readonly (readonly [cells: readonly TestCell[], isPartial?: boolean])[]) {
  const message = {
    cellsPerResult: results.map(([cells]) => cells.length),
    partialFlagPerResult: results.map(([, isPartial = false]) => isPartial),
    results: [],
  } as unknown as ScanResponse;
  return { message, cells: cellBlock(results.flatMap(([cells]) => cells)) };
}

/** `row: qualifiers`. */
function texts(rows: readonly Row[]): string[] {
  return rows.map(
    ({ key, cells }) => `${key.toString()}: ${cells.map((each) => each.qualifier[0]).join(' ')}`,
  );
}

describe('CellCursor', () => {
  it('reads every cell as it was written', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const cells = fc.array(
      fc.record({
        row: bytes,
        family: fc.string({ maxLength: 20 }),
        qualifier: bytes,
        timestamp: fc.bigInt(0n, 2n ** 63n - 1n),
        value: bytes,
      }),
    );
    fc.assert(
      fc.property(cells, (written) => {
        const block = cellBlock(written);
        const cursor = new CellCursor(block);
        const read: TestCell[] = [];
        while (cursor.next()) {
          read.push({
            row: new Uint8Array(cursor.row),
            family: block.toString('utf8', cursor.familyStart, cursor.familyEnd),
            qualifier: new Uint8Array(block.subarray(cursor.familyEnd, cursor.qualifierEnd)),
            timestamp: cursor.timestamp,
            value: new Uint8Array(block.subarray(cursor.valueStart, cursor.valueEnd)),
          });
        }
        expect(read).toEqual(written);
      }),
    );
  });

  it('refuses bytes that end too early, or whose lengths do not fit', () => {
    const block = cellBlock([cell('row')]);
    for (let length = 1; length < block.length; length++)
      expect(() => new CellCursor(block.subarray(0, length)).next()).toThrow(HBaseError);
    for (const at of [3, 7, 11, 13]) {
      const broken = Buffer.from(block);
      broken[at] = 0xff;
      expect(() => new CellCursor(broken).next()).toThrow(
        expect.objectContaining({ code: 'PROTOCOL' }) as Error,
      );
    }
  });

  it('has timestamps as safe integers, or not at all', () => {
    const at = (timestamp: bigint): CellCursor => {
      const cursor = new CellCursor(cellBlock([{ ...cell('row'), timestamp }]));
      cursor.next();
      return cursor;
    };
    expect(at(2n ** 53n - 1n).safeTimestamp).toBe(2 ** 53 - 1);
    expect(() => at(2n ** 53n).safeTimestamp).toThrow(RangeError);
  });
});

describe('RowAssembly', () => {
  it('gives rows as they came', () => {
    const rows = new RowAssembly().take(answer([[[cell('a'), cell('a', 1)]], [[cell('b')]]]), false);
    expect(texts(rowsOf(rows))).toEqual(['a: 0 1', 'b: 0']);
    expect(rows.lastKey?.toString()).toBe('b');
  });

  it('keeps a part until the rest has come, over any number of answers', () => {
    const assembly = new RowAssembly();
    const first = assembly.take(answer([[[cell('a')]], [[cell('b')], true]]), false);
    expect([texts(rowsOf(first)), first.lastKey?.toString()]).toEqual([['a: 0'], 'a']);
    const second = assembly.take(answer([[[cell('b', 1), cell('b', 2)], true]]), false);
    expect([texts(rowsOf(second)), second.lastKey]).toEqual([[], undefined]);
    expect(assembly.take(answer([]), false).cellsPerRow).toEqual([]);
    const last = assembly.take(answer([[[cell('b', 3)]], [[cell('c')], true]]), false);
    expect([texts(rowsOf(last)), last.lastKey?.toString()]).toEqual([['b: 0 1 2 3'], 'b']);
  });

  it('takes a part for whole when another row follows, or nothing', () => {
    const assembly = new RowAssembly();
    expect(texts(rowsOf(assembly.take(answer([[[cell('a')], true]]), false)))).toEqual([]);
    const next = assembly.take(answer([[[cell('b')], true]]), false);
    expect(texts(rowsOf(next))).toEqual(['a: 0']);
    const last = assembly.take(answer([]), true);
    expect([texts(rowsOf(last)), last.lastKey?.toString()]).toEqual([['b: 0'], 'b']);
    expect(assembly.take(answer([]), true).cellsPerRow).toEqual([]);
  });

  it('refuses results that count other cells than there are, and cells inside messages', () => {
    const { message, cells } = answer([[[cell('a')]], [[cell('b')]]]);
    const counts = (cellsPerResult: readonly number[]) => ({
      message: { ...message, cellsPerResult },
      cells,
    });
    for (const wrong of [[1], [1, 1, 1], [3]])
      expect(() => new RowAssembly().take(counts(wrong), false)).toThrow(HBaseError);
    const inside = { message: { ...message, results: [{ cell: [], associatedCellCount: 0 }] }, cells };
    expect(() => new RowAssembly().take(inside, false)).toThrow(HBaseError);
  });
});
