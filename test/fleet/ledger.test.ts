import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger, type LedgerTotals } from '../../src/fleet/ledger.ts';
import type { QoS } from '../../src/mqtt/qos.ts';

/** One step of a history, as clients see it. */
type Step = ['publish'] | ['ack', number] | ['refuse', number] | ['deliver', number];

function replay(qos: QoS, steps: readonly Step[]): Ledger {
  const ledger = new Ledger();
  const stream = ledger.open('t', qos, ['s']);
  for (const step of steps) {
    if (step[0] === 'publish') stream.publish();
    else if (step[0] === 'ack') stream.acknowledged(step[1]);
    else if (step[0] === 'refuse') stream.refused(step[1]);
    else stream.delivered('s', step[1]);
  }
  return ledger;
}

const publishes = (count: number): Step[] => Array.from({ length: count }, () => ['publish']);
const acks = (...seqs: number[]): Step[] => seqs.map((seq) => ['ack', seq]);
const deliveries = (...seqs: number[]): Step[] => seqs.map((seq) => ['deliver', seq]);

describe('a ledger', () => {
  const cases: readonly {
    readonly name: string;
    readonly qos: QoS;
    readonly steps: readonly Step[];
    readonly clean: boolean;
    readonly totals: Partial<LedgerTotals>;
  }[] = [
    {
      name: 'is clean when everything acknowledged arrived once and in order',
      qos: 2,
      steps: [...publishes(3), ...acks(1, 2, 3), ...deliveries(1, 2, 3)],
      clean: true,
      totals: { published: 3, acknowledged: 3, delivered: 3, lost: 0, unanswered: 0 },
    },
    {
      name: 'does not mind a delivery before its acknowledgement',
      qos: 1,
      steps: [...publishes(1), ...deliveries(1), ...acks(1)],
      clean: true,
      totals: { delivered: 1, unacknowledgedDelivered: 0, lost: 0 },
    },
    {
      name: 'fails on one acknowledged QoS 1 message that never arrived',
      qos: 1,
      steps: [...publishes(3), ...acks(1, 2, 3), ...deliveries(1, 3)],
      clean: false,
      totals: { lost: 1, delivered: 2, reordered: 0 },
    },
    {
      name: 'fails on one acknowledged QoS 2 message that never arrived',
      qos: 2,
      steps: [...publishes(2), ...acks(1, 2), ...deliveries(1)],
      clean: false,
      totals: { lost: 1 },
    },
    {
      name: 'does not call a message lost that was never acknowledged',
      qos: 1,
      steps: [...publishes(2), ...acks(1), ...deliveries(1)],
      clean: true,
      totals: { lost: 0, unanswered: 1 },
    },
    {
      name: 'does not call a message lost that was refused',
      qos: 1,
      steps: [...publishes(1), ['refuse', 1]],
      clean: true,
      totals: { lost: 0, refused: 1, unanswered: 0 },
    },
    {
      name: 'counts what arrived without an acknowledgement',
      qos: 2,
      steps: [...publishes(2), ...deliveries(1, 2), ...acks(2)],
      clean: true,
      totals: { delivered: 2, unacknowledgedDelivered: 1 },
    },
    {
      name: 'loses nothing at QoS 0',
      qos: 0,
      steps: [...publishes(5), ...deliveries(2, 4)],
      clean: true,
      totals: { published: 5, acknowledged: 0, delivered: 2, lost: 0, unanswered: 0 },
    },
    {
      name: 'counts a QoS 1 duplicate without failing',
      qos: 1,
      steps: [...publishes(2), ...acks(1, 2), ...deliveries(1, 2, 1, 2, 2)],
      clean: true,
      totals: { delivered: 2, duplicated: 3, reordered: 0 },
    },
    {
      name: 'fails on a QoS 2 duplicate',
      qos: 2,
      steps: [...publishes(2), ...acks(1, 2), ...deliveries(1, 2, 1)],
      clean: false,
      totals: { duplicated: 1, reordered: 0 },
    },
    {
      name: 'fails on a QoS 0 duplicate',
      qos: 0,
      steps: [...publishes(1), ...deliveries(1, 1)],
      clean: false,
      totals: { duplicated: 1 },
    },
    {
      name: 'fails when a first delivery comes after a later message',
      qos: 1,
      steps: [...publishes(3), ...acks(1, 2, 3), ...deliveries(1, 3, 2)],
      clean: false,
      totals: { reordered: 1, lost: 0 },
    },
    {
      name: 'fails on QoS 0 out of order',
      qos: 0,
      steps: [...publishes(2), ...deliveries(2, 1)],
      clean: false,
      totals: { reordered: 1 },
    },
    {
      name: 'counts every message that was overtaken, not every message after it',
      qos: 2,
      steps: [...publishes(5), ...acks(1, 2, 3, 4, 5), ...deliveries(4, 1, 2, 3, 5)],
      clean: false,
      totals: { reordered: 3 },
    },
    {
      name: 'fails on a message nobody published',
      qos: 1,
      steps: [...publishes(1), ...acks(1), ...deliveries(1, 2)],
      clean: false,
      totals: { phantom: 1, delivered: 1 },
    },
    {
      name: 'counts one message acknowledged twice once',
      qos: 1,
      steps: [...publishes(1), ...acks(1, 1), ...deliveries(1)],
      clean: true,
      totals: { acknowledged: 1, lost: 0 },
    },
  ];

  it.each(cases)('$name', ({ qos, steps, clean, totals }) => {
    const ledger = replay(qos, steps);
    expect(ledger.totals(qos)).toMatchObject(totals);
    expect(ledger.clean).toBe(clean);
  });

  it('judges every subscriber for itself', () => {
    const ledger = new Ledger();
    const stream = ledger.open('t', 1, ['near', 'far']);
    stream.publish();
    stream.acknowledged(1);
    stream.delivered('near', 1);
    expect(ledger.owed).toBe(1);
    expect(ledger.violations()).toEqual([{ kind: 'lost', topic: 't', qos: 1, subscriber: 'far', seq: 1 }]);
    stream.delivered('far', 1);
    expect(ledger.owed).toBe(0);
    expect(ledger.violations()).toEqual([]);
  });

  it('keeps streams of one topic apart by QoS', () => {
    const ledger = new Ledger();
    const one = ledger.open('t', 1, ['s']);
    const two = ledger.open('t', 2, ['s']);
    expect([one.publish(), two.publish(), one.publish()]).toEqual([1, 1, 2]);
    two.acknowledged(1);
    one.delivered('s', 2);
    expect(ledger.totals(1).lost).toBe(0);
    expect(ledger.totals(2).lost).toBe(1);
    expect(ledger.unanswered).toBe(2);
  });

  it('refuses a second publisher on a stream and a subscriber it was not told of', () => {
    const ledger = new Ledger();
    const stream = ledger.open('t', 1, ['s']);
    expect(() => ledger.open('t', 1, ['s'])).toThrow(RangeError);
    expect(() => stream.delivered('stranger', 1)).toThrow(RangeError);
  });

  it('tells a first delivery from a repeat', () => {
    const stream = new Ledger().open('t', 1, ['s']);
    stream.publish();
    stream.publish();
    expect([2, 1, 1].map((seq) => stream.delivered('s', seq))).toEqual([true, true, false]);
  });

  it('bounds its examples and never shows a legal duplicate as one', () => {
    const ledger = replay(1, [...publishes(1_000), ...deliveries(1, 1, 1)]);
    expect(ledger.violations()).toEqual([]);
    const lost = replay(1, [
      ...publishes(1_000),
      ...acks(...Array.from({ length: 1_000 }, (_none, index) => index + 1)),
    ]);
    expect(lost.totals(1).lost).toBe(1_000);
    expect(lost.violations()).toHaveLength(20);
  });

  it('agrees with a naive count over arbitrary histories', () => {
    const seq = fc.integer({ min: 1, max: 12 });
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.constant<Step>(['publish']),
      fc.tuple(fc.constant('ack' as const), seq),
      fc.tuple(fc.constant('deliver' as const), seq),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.constantFrom<QoS>(1, 2), (steps, qos) => {
        const possible = onlyPossible(steps);
        const totals = replay(qos, possible).totals(qos);
        expect(totals).toMatchObject(naiveTotals(possible));
      }),
    );
  });
});

/** Nobody acknowledges what was not published. Deliveries of it stay: they are the phantoms. */
function onlyPossible(steps: readonly Step[]): Step[] {
  let published = 0;
  return steps.filter((step) => {
    if (step[0] === 'publish') published++;
    return step[0] !== 'ack' || step[1] <= published;
  });
}

function naiveTotals(steps: readonly Step[]): Partial<LedgerTotals> {
  const acknowledged = new Set<number>();
  const delivered: number[] = [];
  let published = 0;
  let duplicated = 0;
  let phantom = 0;
  for (const step of steps) {
    if (step[0] === 'publish') published++;
    else if (step[0] === 'ack') acknowledged.add(step[1]);
    else if (step[0] === 'deliver') {
      if (step[1] > published) phantom++;
      else if (delivered.includes(step[1])) duplicated++;
      else delivered.push(step[1]);
    }
  }
  return {
    published,
    acknowledged: acknowledged.size,
    unanswered: published - acknowledged.size,
    delivered: delivered.length,
    lost: [...acknowledged].filter((seq) => !delivered.includes(seq)).length,
    unacknowledgedDelivered: delivered.filter((seq) => !acknowledged.has(seq)).length,
    reordered: delivered.filter((seq, index) => delivered.slice(0, index).some((earlier) => earlier > seq))
      .length,
    duplicated,
    phantom,
  };
}
