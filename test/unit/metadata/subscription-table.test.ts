import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SubscriptionTable } from '../../../src/metadata/subscription-table.ts';
import type { SessionId } from '../../../src/tenancy/identity.ts';

const key = fc.oneof(
  fc.nat(30).map((n) => `u\0default\0bike-1\0a/${n}`),
  fc.string({ unit: 'binary', maxLength: 100 }),
);
const step = fc.record({
  key,
  sessionId: fc.nat({ max: Number.MAX_SAFE_INTEGER }).map((id) => id as SessionId),
  removed: fc.boolean(),
});

test('it holds what a map would hold', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const table = new SubscriptionTable();
      const map = new Map<string, SessionId>();
      for (const { key: of, sessionId, removed } of steps) {
        if (removed) {
          table.delete(of);
          map.delete(of);
        } else {
          table.set(of, sessionId);
          map.set(of, sessionId);
        }
        expect(table.get(of)).toBe(map.get(of));
      }
      expect(table.size).toBe(map.size);
      for (const [of, expected] of map) expect(table.get(of)).toBe(expected);
    }),
  );
});

test('hundreds of thousands of keys that differ in little are told apart', () => {
  const table = new SubscriptionTable();
  const keyOf = (n: number): string => `u\0default\0bike-${n >> 2}\0fleet/${n & 3}/#`;
  for (let n = 0; n < 300_000; n++) table.set(keyOf(n), n as SessionId);
  expect(table.size).toBe(300_000);
  for (let n = 0; n < 300_000; n++) if (table.get(keyOf(n)) !== n) throw new Error(`key ${n} was mistaken`);
});
