import { describe, expect, it } from 'vitest';
import { Judge } from '../../../chaos/judge/judge.ts';
import { RetainedWatch } from '../../../chaos/judge/retained-watch.ts';

/** Three published, the first two acknowledged. */
function watchOnOne(): RetainedWatch {
  const judge = new Judge();
  const stream = judge.open('bike', 'bike/state', 1, []);
  for (let nowMs = 1; nowMs <= 3; nowMs++) judge.publish(stream, nowMs);
  for (const seq of [1, 2]) judge.acknowledged(stream, seq, 4);
  return new RetainedWatch([stream, judge.open('silent', 'silent/state', 1, [])]);
}

describe('the watch on retained messages', () => {
  it('takes the last acknowledged one and what is newer', () => {
    const watch = watchOnOne();
    const floor = watch.floor();
    expect([...floor]).toEqual([['bike/state', 2]]);
    for (const shown of [2, 3])
      expect(watch.compare('broker-1', floor, new Map([['bike/state', shown]]), 5)).toEqual([]);
  });

  it.each([
    ['an older one', 1],
    ['one that nobody published', 4],
  ])('finds %s', (_what, shown) => {
    const watch = watchOnOne();
    expect(watch.compare('broker-1', watch.floor(), new Map([['bike/state', shown]]), 5)).toMatchObject([
      { kind: 'retainedStale', receiver: 'broker-1', topic: 'bike/state', seq: 2 },
    ]);
  });

  it('finds a broker that shows nothing', () => {
    const watch = watchOnOne();
    expect(watch.compare('broker-1', watch.floor(), new Map(), 5)).toMatchObject([
      { kind: 'retainedStale', detail: 'nothing is shown' },
    ]);
  });
});
