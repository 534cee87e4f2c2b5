/** The tree of filters against a list of those that are held: nodes are found while they are held, whatever number they had before. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FilterTree } from '../../src/routing/filter-tree.ts';
import { NONE } from '../../src/packed/hash-index.ts';

/** Most of them begin as another one does. */
const FILTERS = ['a', 'a/b', 'a/b/c', 'a/b/+', 'a/d', 'e/b', 'e/b/c', 'e/#', '+/b/c', '$share', '', '/'];

const step = fc.record({ isHold: fc.boolean(), filter: fc.constantFrom(...FILTERS) });

test('a filter has the node it was given for as long as somebody holds it, and no other filter has that', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const tree = new FilterTree();
      const held = new Map<string, { readonly node: number; times: number }>();
      for (const { isHold, filter } of steps) {
        const known = held.get(filter);
        if (isHold) {
          const node = tree.hold(filter);
          expect(node).toBe(known?.node ?? node);
          held.set(filter, { node, times: (known?.times ?? 0) + 1 });
        } else if (known !== undefined) {
          tree.release(known.node);
          if (--known.times === 0) held.delete(filter);
        }
        for (const [each, { node }] of held) expect(tree.find(each)).toBe(node);
        expect(new Set([...held.values()].map(({ node }) => node)).size).toBe(held.size);
      }
      for (const [filter, { node, times }] of held) {
        for (let left = times; left > 0; left--) tree.release(node);
        held.delete(filter);
      }
      for (const filter of FILTERS) expect(tree.find(filter)).toBe(NONE);
    }),
    { numRuns: 200 },
  );
});
