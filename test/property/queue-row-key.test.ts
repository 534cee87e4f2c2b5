import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  laneStarts,
  QUEUE_LANES,
  queueLane,
  queueOfRow,
  queueRow,
} from '../../src/adapters/hbase/queue/row-key.ts';
import { queueKey, type QueueKey } from '../../src/queue/durable-queue.ts';
import type { SessionId, TenantId } from '../../src/tenancy/identity.ts';

const tenant = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/);
const sessionId = fc.oneof(fc.nat(1_000), fc.maxSafeNat());
const queue = fc
  .tuple(tenant, sessionId, fc.constantFrom('pending' as const, 'held' as const))
  .map(([name, id, kind]) => queueKey(name as TenantId, id as SessionId, kind));
const position = fc.maxSafeNat();

/** As the layout says it, one bit at a time. */
function reversedBits(id: number): bigint {
  return BigInt(`0b${id.toString(2).padStart(64, '0').split('').reverse().join('')}`);
}

function messageRow(key: QueueKey, at: number): Buffer {
  const suffix = Buffer.alloc(8);
  suffix.writeBigUInt64BE(BigInt(at));
  return Buffer.concat([queueRow(key), suffix]);
}

/** What rows are ordered by; the tenant ends with the byte that follows it. */
function orderOf(key: QueueKey, at: number): readonly [bigint, string, string, number] {
  return [reversedBits(key.sessionId), `${key.tenant}_`, key.kind === 'pending' ? '\x01' : '\x02', at];
}

function compare(one: readonly unknown[], other: readonly unknown[]): number {
  for (const [index, left] of one.entries()) {
    const right = other[index];
    if (left === right) continue;
    // Where one text is the beginning of the other, the kind that follows it is below every letter.
    return (left as string) < (right as string) ? -1 : 1;
  }
  return 0;
}

test('a key comes back as the queue it was made of', () => {
  fc.assert(
    fc.property(queue, (key) => {
      expect(queueOfRow(queueRow(key))).toEqual(key);
    }),
  );
});

test('rows are in the order of reversed session id, tenant, kind and position', () => {
  // Few of each, so that runs of equal members are common.
  const near = fc
    .tuple(
      fc.constantFrom('a', 'a_', 'a_b', 'a-b', 'b'),
      fc.nat(3),
      fc.constantFrom('pending' as const, 'held' as const),
    )
    .map(([name, id, kind]) => queueKey(name as TenantId, id as SessionId, kind));
  const row = fc.tuple(fc.oneof(queue, near), fc.oneof(fc.nat(300), position));
  fc.assert(
    fc.property(row, row, ([one, at], [other, otherAt]) => {
      const found = Math.sign(Buffer.compare(messageRow(one, at), messageRow(other, otherAt)));
      expect(found).toBe(compare(orderOf(one, at), orderOf(other, otherAt)));
    }),
    { numRuns: 2_000 },
  );
});

test('no queue key is the beginning of a row of another queue', () => {
  const near = fc
    .tuple(fc.stringMatching(/^[a_]{1,4}$/), fc.nat(1), fc.constantFrom('pending' as const, 'held' as const))
    .map(([name, id, kind]) => queueKey(name as TenantId, id as SessionId, kind));
  fc.assert(
    fc.property(near, near, position, (one, other, at) => {
      fc.pre(one.text !== other.text);
      const key = queueRow(one);
      expect(messageRow(other, at).subarray(0, key.length).equals(key)).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

test('a lane is the region of the new table that the queue falls into', () => {
  const starts = laneStarts();
  expect(starts).toHaveLength(QUEUE_LANES - 1);
  fc.assert(
    fc.property(queue, (key) => {
      const row = queueRow(key);
      expect(queueLane(key)).toBe(starts.filter((start) => Buffer.compare(start, row) <= 0).length);
    }),
  );
});

test('consecutive sessions go to different lanes', () => {
  const lanes = Array.from({ length: QUEUE_LANES }, (_, id) =>
    queueLane(queueKey('default' as TenantId, (id + 1) as SessionId, 'pending')),
  );
  expect(new Set(lanes).size).toBe(QUEUE_LANES);
});

test.each([
  '',
  '00',
  '0000000000000001',
  '00000000000000015f6101',
  '00000000000000015f615f03',
  '00000000000000015f5f01',
])('bytes %s are no key', (hex) => {
  expect(() => queueOfRow(Buffer.from(hex, 'hex'))).toThrow('is no key of a queue');
});
