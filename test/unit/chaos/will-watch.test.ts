import { describe, expect, it } from 'vitest';
import { WillWatch } from '../../../chaos/judge/will-watch.ts';

const topicOf = (client: string): string => `${client}/lost`;

/** Of one client: `accepted` connections by number, that all end but the last. */
function watchOf(...steps: ('connecting' | 'accepted' | 'ended' | 'will')[][]): {
  readonly watch: WillWatch;
  readonly found: readonly string[];
} {
  const watch = new WillWatch();
  const seen = steps.flatMap((events, index) =>
    events.flatMap((event) => {
      const number = index + 1;
      if (event === 'will') return watch.arrived('bike/lost', 'bike', number, 9) ?? [];
      if (event === 'ended') watch.ended('bike', number, 5);
      else watch[event]('bike', number);
      return [];
    }),
  );
  const found = [...seen, ...watch.violations(10, topicOf)].map(({ kind, seq }) => `${kind} ${seq}`);
  return { watch, found };
}

describe('the watch on wills', () => {
  it('finds nothing wrong with one will for each lost connection', () => {
    const { watch, found } = watchOf(
      ['connecting', 'accepted', 'ended', 'will'],
      ['connecting', 'accepted', 'will', 'ended'],
      ['connecting', 'accepted'],
    );
    expect(found).toEqual([]);
    expect(watch.totals).toEqual({ owed: 2, arrived: 2, unsure: 0 });
  });

  it('finds a will that never comes', () => {
    const { watch, found } = watchOf(['connecting', 'accepted', 'ended'], ['connecting', 'accepted']);
    expect(found).toEqual(['willLost 1']);
    expect(watch.owedSince(5)).toBe(0);
    expect(watch.owedSince(6)).toBe(1);
    expect(watch.owedSince(6, () => false)).toBe(0);
  });

  it('finds a will that comes twice', () => {
    expect(watchOf(['connecting', 'accepted', 'ended', 'will', 'will']).found).toEqual(['willDuplicated 1']);
  });

  it('finds the will of a connection that still stands', () => {
    expect(watchOf(['connecting', 'accepted', 'will']).found).toEqual(['willPremature 1']);
  });

  it('finds a will of nobody', () => {
    expect(watchOf(['will']).found).toEqual(['phantom 1']);
  });

  it('owes a connection without CONNACK a will at most', () => {
    expect(watchOf(['connecting', 'ended']).found).toEqual([]);
    const { watch, found } = watchOf(['connecting', 'ended', 'will']);
    expect(found).toEqual([]);
    expect(watch.totals.unsure).toBe(1);
    expect(watchOf(['connecting', 'ended', 'will', 'will']).found).toEqual(['willDuplicated 1']);
  });
});
