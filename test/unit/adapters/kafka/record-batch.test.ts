import fc from 'fast-check';
import crc32C from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import { describe, expect, test } from 'vitest';
import { encodeFields } from '../../../../src/adapters/kafka/wire/log-record-codec.ts';
import { decodeRecordBatches, encodeRecordBatch } from '../../../../src/adapters/kafka/wire/record-batch.ts';
import type { Compression } from '../../../../src/adapters/kafka/wire/record-batch.ts';
import type { LogRecord, Offset } from '../../../../src/event-log/event-log.ts';

const START = 0 as Offset;
const PRODUCER = 7n;
const CRC = 17;
const ATTRIBUTES = 21;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

const anyRecord: fc.Arbitrary<LogRecord> = fc.record({
  partitionKey: fc.string({ unit: 'grapheme', maxLength: 20 }),
  key: fc.string({ unit: 'grapheme', maxLength: 40 }),
  value: fc.option(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    { nil: null },
  ),
  event: fc.string({ unit: 'grapheme', maxLength: 20 }),
  timestampMs: fc.integer({ min: 0, max: 2 ** 52 }),
});

function record(key: string): LogRecord {
  return { partitionKey: key, key, value: Buffer.from(`value of ${key}`), event: 'Set', timestampMs: 1 };
}

/** A batch as the broker stores it: at its offset, with more attributes, its checksum right again. */
function batch(
  records: readonly LogRecord[],
  baseOffset: number,
  attributes = 0,
  compression: Compression = 'none',
): Buffer {
  const stamp = { producerId: PRODUCER, epoch: 1, firstSequence: 0 };
  const bytes = encodeRecordBatch(records.map(encodeFields), stamp, compression);
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  bytes.writeInt16BE(bytes.readInt16BE(ATTRIBUTES) | attributes, ATTRIBUTES);
  bytes.writeUInt32BE(crc32C(bytes.subarray(ATTRIBUTES)), CRC);
  return bytes;
}

/** What a transaction ends with: a record whose key says how. */
function marker(baseOffset: number, type: 'abort' | 'commit'): Buffer {
  const version = '\0\0';
  return batch(
    [record(`${version}\0${type === 'abort' ? '\0' : '\x01'}`)],
    baseOffset,
    TRANSACTIONAL | CONTROL,
  );
}

function keysIn(
  bytes: Buffer,
  from: number,
  aborted: readonly { producerId: bigint; firstOffset: number }[] = [],
) {
  const { entries, next } = decodeRecordBatches(bytes, 3, from as Offset, aborted);
  return { keys: entries.map(({ key }) => key), next };
}

test.each(['none', 'gzip'] as const)(
  'any records read back as they were written, compression %s',
  (compression) => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 20 }), fc.nat(2 ** 40), (records, base) => {
        const { entries, next } = decodeRecordBatches(batch(records, base, 0, compression), 3, START, []);
        expect(entries).toEqual(
          records.map((each, index) => ({ ...each, partition: 3, offset: base + index })),
        );
        expect(next).toBe(base + records.length);
      }),
    );
  },
);

test('keys of SpokeMQ hold their partition key: it takes no room of its own', () => {
  const implied = { ...record('u\0tenant\0client\0a/+/b'), partitionKey: 'tenant\0client' };
  const told = { ...implied, partitionKey: 'tenant\0cliend' };
  expect(encodeFields(told).fields.length).toBeGreaterThan(encodeFields(implied).fields.length);
  const { entries } = decodeRecordBatches(batch([implied, told], 0), 0, START, []);
  expect(entries.map(({ partitionKey }) => partitionKey)).toEqual(['tenant\0client', 'tenant\0cliend']);
});

describe('decoding what a broker answers', () => {
  const two = Buffer.concat([batch(['a', 'b', 'c'].map(record), 10), batch(['d', 'e'].map(record), 20)]);

  test('begins within a batch, and goes on behind the last', () => {
    expect(keysIn(two, 11)).toEqual({ keys: ['b', 'c', 'd', 'e'], next: 22 });
    expect(keysIn(two, 20)).toEqual({ keys: ['d', 'e'], next: 22 });
    expect(keysIn(two, 22)).toEqual({ keys: [], next: 22 });
  });

  test('leaves a batch that is cut short for the next time, wherever it is cut', () => {
    for (let bytes = two.length - 1; bytes >= two.length / 2 + 20; bytes -= 7)
      expect(keysIn(two.subarray(0, bytes), 10)).toEqual({ keys: ['a', 'b', 'c'], next: 13 });
    expect(keysIn(two.subarray(0, 40), 10)).toEqual({ keys: [], next: 10 });
  });

  test('goes on behind a batch that compaction has emptied', () => {
    const emptied = batch([], 30);
    emptied.writeInt32BE(4, 23);
    emptied.writeUInt32BE(crc32C(emptied.subarray(ATTRIBUTES)), CRC);
    expect(keysIn(emptied, 30)).toEqual({ keys: [], next: 35 });
  });

  test('leaves out what was aborted, and every marker', () => {
    const answer = Buffer.concat([
      batch([record('aborted')], 0, TRANSACTIONAL),
      batch([record('not in a transaction')], 1),
      marker(2, 'abort'),
      batch([record('committed')], 3, TRANSACTIONAL),
      marker(4, 'commit'),
    ]);
    const aborted = [{ producerId: PRODUCER, firstOffset: 0 }];
    expect(keysIn(answer, 0, aborted)).toEqual({ keys: ['not in a transaction', 'committed'], next: 5 });
  });

  test('refuses what was damaged, at any byte that the checksum covers', () => {
    const whole = batch(['a', 'b'].map(record), 0);
    for (let at = ATTRIBUTES; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
      expect(() => keysIn(damaged, 0), `byte ${at}`).toThrow(/checksum/);
    }
  });

  test('names a compression that it cannot read', () => {
    const zstd = 4;
    expect(() => keysIn(batch([record('a')], 0, zstd), 0)).toThrow(/zstd/);
  });
});
