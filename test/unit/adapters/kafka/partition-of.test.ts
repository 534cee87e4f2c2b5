import { expect, test } from 'vitest';
import { partitionOf } from '../../../../src/adapters/kafka/wire/partition-of.ts';

/** So many partitions that the partition is the hash without its sign. */
const WHOLE_HASH = 2 ** 31;

/** From the tests of Kafka's own `Utils.murmur2`. */
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('the partition of %s is what the Java client would choose for it as a key', (key, hash) => {
  expect(partitionOf(key, WHOLE_HASH)).toBe(hash & 0x7fffffff);
  expect(partitionOf(key, 12)).toBe((hash & 0x7fffffff) % 12);
});

test('text beyond ASCII counts as UTF-8', () => {
  const key = 'tenant\0Fahrrad-ü-🚲';
  expect(partitionOf(key, WHOLE_HASH)).toBeLessThan(WHOLE_HASH);
  expect(partitionOf(key, WHOLE_HASH)).not.toBe(partitionOf('tenant\0Fahrrad-u-🚲', WHOLE_HASH));
});
