import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Offset } from '../../../src/event-log/event-log.ts';
import { OwnerTable } from '../../../src/metadata/owner-table.ts';
import type { Ownership, Versioned } from '../../../src/session/evolve.ts';
import { OTHER_OWNER, OWNER } from '../../support/simulated-session.ts';

const key = fc.oneof(
  fc.nat(20).map((n) => `s\0default\0bike-${n}`),
  fc.string({ unit: 'binary', maxLength: 100 }),
);
const owner = fc.constantFrom(undefined, OWNER, OTHER_OWNER, { ...OWNER, connection: 2 ** 40 });
const step = fc.record({
  key,
  offset: fc.nat({ max: Number.MAX_SAFE_INTEGER }).map((offset) => offset as Offset),
  owner,
  closedOwner: owner,
  openedAtMs: fc.nat({ max: 2 ** 45 }),
  removed: fc.boolean(),
});

/** Whoever owned a session before its owner decides nothing, and is not kept. */
function kept(value: Ownership): Ownership {
  return { ...value, closedOwner: value.owner === undefined ? value.closedOwner : undefined };
}

test('it holds what a map would hold', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const table = new OwnerTable();
      const map = new Map<string, Versioned<Ownership>>();
      for (const { key: of, offset, removed, ...value } of steps) {
        if (removed) {
          table.delete(of);
          map.delete(of);
        } else {
          table.set(of, { value, offset });
          map.set(of, { value: kept(value), offset });
        }
        expect(table.get(of)).toEqual(map.get(of));
      }
      expect(table.size).toBe(map.size);
      for (const [of, expected] of map) expect(table.get(of)).toEqual(expected);
    }),
  );
});
