/** Acknowledgements leave in the order of their packets, each as soon as those before it have gone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderedAcks } from '../../src/mqtt/ordered-acks.ts';
import type { AckSlot } from '../../src/mqtt/ordered-acks.ts';

describe('OrderedAcks', () => {
  it('has always emitted the finished prefix, and nothing else', () => {
    const steps = fc.array(fc.oneof(fc.constant('reserve' as const), fc.nat(1000)), { maxLength: 300 });
    fc.assert(
      fc.property(steps, (sequence) => {
        const emitted: number[] = [];
        const acks = new OrderedAcks((_, packetId, reasonCode) => {
          expect(reasonCode).toBe(packetId % 100);
          emitted.push(packetId);
        });
        const waiting: { slot: AckSlot; packetId: number }[] = [];
        let reserved = 0;
        for (const step of sequence) {
          if (step === 'reserve') {
            reserved += 1;
            waiting.push({ slot: acks.reserve('puback', reserved), packetId: reserved });
          } else if (waiting.length > 0) {
            const [done] = waiting.splice(step % waiting.length, 1);
            if (done !== undefined) acks.complete(done.slot, done.packetId % 100);
          }
          const finished = Math.min(reserved + 1, ...waiting.map(({ packetId }) => packetId)) - 1;
          expect(emitted.length).toBe(finished);
          expect(acks.waiting).toBe(reserved - finished);
        }
        expect(emitted).toEqual(Array.from({ length: emitted.length }, (_, index) => index + 1));
      }),
      { numRuns: 200 },
    );
  });
});
