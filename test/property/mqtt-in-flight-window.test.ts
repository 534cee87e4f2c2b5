/** The window against a model that keeps one object per position and searches for everything. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InFlightWindow, packetIdOf } from '../../src/mqtt/in-flight-window.ts';
import type { InFlightState } from '../../src/mqtt/in-flight-window.ts';

class ModelWindow {
  readonly states = new Map<number, InFlightState | 'finished'>();
  readonly first: number;
  next: number;

  constructor(first: number) {
    this.first = first;
    this.next = first;
  }

  add(seq: number, state: InFlightState | 'finished'): void {
    for (let missing = this.next; missing < seq; missing++) this.states.set(missing, 'finished');
    this.states.set(seq, state);
    this.next = seq + 1;
  }

  /** The position with this identifier that is not finished. */
  find(packetId: number): number | undefined {
    return this.unfinished().find((seq) => packetIdOf(seq) === packetId);
  }

  move(packetId: number, from: readonly string[], to: InFlightState | 'finished'): number | undefined {
    const seq = this.find(packetId);
    if (seq === undefined || !from.includes(this.states.get(seq) ?? '')) return undefined;
    this.states.set(seq, to);
    return seq;
  }

  unfinished(): number[] {
    return [...this.states.entries()].filter(([, state]) => state !== 'finished').map(([seq]) => seq);
  }

  get ackedThrough(): number {
    return Math.min(this.next, ...this.unfinished()) - 1;
  }
}

type Step =
  | { do: 'sent'; gap: number; qos: 1 | 2 }
  | { do: 'resumed' | 'skip'; gap: number }
  | { do: 'acknowledge' | 'received' | 'refused' | 'released' | 'complete'; back: number };

const gap = fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat(40));
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('sent'), gap, qos: fc.constantFrom(1, 2) }) },
  fc.record({ do: fc.constantFrom('resumed', 'skip'), gap }),
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('acknowledge', 'received', 'refused', 'released', 'complete'),
      back: fc.integer({ min: -2, max: 30 }),
    }),
  },
);

function apply(window: InFlightWindow, model: ModelWindow, step: Step): void {
  if ('gap' in step) {
    const seq = model.next + step.gap;
    if (step.do === 'sent') {
      window.sent(seq, step.qos);
      model.add(seq, step.qos === 1 ? 'sentQoS1' : 'sentQoS2');
    } else if (step.do === 'resumed') {
      window.resumed(seq);
      model.add(seq, 'released');
    } else {
      window.skip(seq);
      model.add(seq, 'finished');
    }
    return;
  }
  const id = packetIdOf(Math.max(1, model.next - step.back));
  expect(window[step.do](id)).toBe(expectedOf(model, step.do, id));
}

function expectedOf(model: ModelWindow, event: string, id: number): number | undefined {
  switch (event) {
    case 'acknowledge':
      return model.move(id, ['sentQoS1'], 'finished');
    case 'refused':
      return model.move(id, ['sentQoS2'], 'finished');
    case 'received':
      return (
        model.move(id, ['sentQoS2'], 'received') ??
        model.move(id, ['released'], 'released') ??
        model.move(id, ['received'], 'received')
      );
    case 'released':
      return model.move(id, ['received', 'released'], 'released');
    default:
      return model.move(id, ['released'], 'finished');
  }
}

describe('InFlightWindow', () => {
  it('agrees with its model after every step', () => {
    const firsts = fc.oneof(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 65_500, max: 65_600 }),
      fc.constant(2 ** 33 - 7),
    );
    fc.assert(
      fc.property(firsts, fc.array(steps, { maxLength: 120 }), (first, sequence) => {
        const window = new InFlightWindow(first);
        const model = new ModelWindow(first);
        for (const step of sequence) {
          apply(window, model, step);
          const unfinished = model.unfinished();
          expect([window.ackedThrough, window.inFlight, window.nextSeq]).toEqual([
            model.ackedThrough,
            unfinished.length,
            model.next,
          ]);
          for (const seq of unfinished) expect(window.stateOf(packetIdOf(seq))).toBe(model.states.get(seq));
        }
      }),
      { numRuns: 150 },
    );
  });
});
