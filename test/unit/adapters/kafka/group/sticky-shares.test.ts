import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stickyShares } from '../../../../../src/adapters/kafka/group/sticky-shares.ts';

const partitions = fc.nat({ max: 40 });
const claims = fc
  .array(fc.uniqueArray(fc.nat({ max: 45 }), { maxLength: 40 }), { minLength: 1, maxLength: 8 })
  .map((all) => all.map((held, index) => ({ member: `m${index}`, held })));

test('every partition belongs to one member, and nobody has two more than another, whatever they claim', () => {
  fc.assert(
    fc.property(claims, partitions, (members, count) => {
      const shares = stickyShares(members, count);
      const all = [...shares.values()].flat().toSorted((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: count }, (_, partition) => partition));
      const sizes = [...shares.values()].map(({ length }) => length);
      expect(sizes).toHaveLength(members.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

test('when a member comes or goes, nobody gets a partition that another one could have kept', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), partitions, fc.boolean(), (size, count, comes) => {
      const names = Array.from({ length: size }, (_, index) => `m${index}`);
      const before = stickyShares(
        names.map((member) => ({ member, held: [] })),
        count,
      );
      const stay = comes ? names : names.slice(1);
      if (stay.length === 0) return;
      const members = stay.map((member) => ({ member, held: before.get(member) ?? [] }));
      const after = stickyShares(comes ? [...members, { member: 'new', held: [] }] : members, count);
      const moved = members.flatMap(({ member, held }) =>
        (after.get(member) ?? []).filter((partition) => !held.includes(partition)),
      );
      const released = comes ? 0 : (before.get('m0') ?? []).length;
      // Of those that stay, each gets only what the one that left had; the new one gets everything that is let go.
      expect(moved).toHaveLength(released);
    }),
  );
});
