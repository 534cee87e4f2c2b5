/** What queues hold together as a store that walks knows it, whatever is stored and taken while walks are under way, end early or overtake each other. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EstimatedTotals, type TotalCount } from '../../src/queue/estimated-totals.ts';
import type { TenantId } from '../../src/tenancy/identity.ts';

const TENANTS = ['red', 'blue'] as TenantId[];
const WALKS = 3;

type Step =
  | { readonly do: 'store'; readonly tenant: number; readonly bytes: number }
  | { readonly do: 'take'; readonly tenant: number }
  | { readonly do: 'begin' | 'see' | 'finish' | 'break off'; readonly walk: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('store' as const), tenant: fc.nat(1), bytes: fc.nat(100) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('take' as const), tenant: fc.nat(1) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('begin' as const, 'see' as const, 'finish' as const, 'break off' as const),
      walk: fc.nat(WALKS - 1),
    }),
  },
);

/** A walk that sees everything in one moment between its beginning and its end. */
interface Walk {
  readonly count: TotalCount;
  hasSeen: boolean;
}

/** The queues of both tenants, as messages of so many bytes. */
class Queues {
  readonly totals = new EstimatedTotals();
  readonly held = TENANTS.map((): number[] => []);
  readonly #walks = new Map<number, Walk>();

  do(next: Step): void {
    switch (next.do) {
      case 'store':
        this.held[next.tenant]?.push(next.bytes);
        this.totals.tell(TENANTS[next.tenant] ?? ('' as TenantId), next.bytes);
        return;
      case 'take':
        this.held[next.tenant]?.shift();
        return;
      case 'begin':
        this.#end(next.walk);
        this.#walks.set(next.walk, { count: this.totals.begin(), hasSeen: false });
        return;
      case 'see':
        this.#see(this.#walks.get(next.walk));
        return;
      case 'finish':
        this.#see(this.#walks.get(next.walk));
        this.#walks.get(next.walk)?.count.finish();
        this.#end(next.walk);
        return;
      case 'break off':
        this.#end(next.walk);
        return;
    }
  }

  #see(walk: Walk | undefined): void {
    if (walk === undefined || walk.hasSeen) return;
    walk.hasSeen = true;
    for (const [index, tenant] of TENANTS.entries())
      for (const bytes of this.held[index] ?? []) walk.count.found.of(tenant).add(1, bytes);
  }

  #end(number: number): void {
    this.#walks.get(number)?.count.end();
    this.#walks.delete(number);
  }
}

test('is never less than what is there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queues = new Queues();
      for (const next of steps) {
        queues.do(next);
        for (const [index, tenant] of TENANTS.entries()) {
          const held = queues.held[index] ?? [];
          const { messages, bytes } = queues.totals.of(tenant);
          expect(messages).toBeGreaterThanOrEqual(held.length);
          expect(bytes).toBeGreaterThanOrEqual(held.reduce((sum, each) => sum + each, 0));
        }
      }
    }),
  );
});

test('is what is there after a walk during which nothing changed, whatever was before', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queues = new Queues();
      for (const next of [...steps, { do: 'begin', walk: 0 }, { do: 'finish', walk: 0 }] as Step[])
        queues.do(next);
      for (const [index, tenant] of TENANTS.entries()) {
        const held = queues.held[index] ?? [];
        const bytes = held.reduce((sum, each) => sum + each, 0);
        expect(queues.totals.of(tenant)).toEqual({ messages: held.length, bytes });
      }
    }),
  );
});
