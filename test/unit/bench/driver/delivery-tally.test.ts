import { describe, expect, it } from 'vitest';
import { DeliveryTally, type Expectation } from '../../../../bench/driver/delivery-tally.ts';
import { PAYLOAD_HEADER_BYTES, writePayload } from '../../../../bench/driver/payload.ts';

const RUN = 7;
const WINDOW = { fromMs: 1000, toMs: 2000 };

function tallyOf(expectation: Expectation, subscribers = 2, flows = 2) {
  const tally = new DeliveryTally(RUN, subscribers, flows, expectation, WINDOW);
  const arrive = (
    subscriber: number,
    flow: number,
    sequence: number,
    times = { due: 1500, now: 1510 },
    run = RUN,
  ) => {
    const bytes = Buffer.alloc(PAYLOAD_HEADER_BYTES + 3);
    writePayload(bytes, 0, bytes.length, run, flow, sequence, times.due);
    tally.record(subscriber, bytes, 0, times.now);
  };
  return { tally, arrive };
}

describe('DeliveryTally', () => {
  it('counts each message of a flow in order as delivered and nothing else', () => {
    const { tally, arrive } = tallyOf('own');
    for (const sequence of [0, 1, 2]) arrive(0, 0, sequence);
    expect(tally).toMatchObject({ delivered: 3, duplicated: 0, reordered: 0, misdelivered: 0 });
  });

  it('tells a message that comes late from one that comes twice', () => {
    const { tally, arrive } = tallyOf('own');
    for (const sequence of [0, 3, 1, 1, 3, 2]) arrive(0, 0, sequence);
    expect(tally).toMatchObject({ delivered: 4, duplicated: 2, reordered: 2 });
  });

  it('leaves a gap undelivered', () => {
    const { tally, arrive } = tallyOf('own');
    for (const sequence of [0, 2, 4]) arrive(0, 0, sequence);
    expect(tally.delivered).toBe(3);
  });

  it('notices a message that reached somebody else', () => {
    const { tally, arrive } = tallyOf('own');
    arrive(1, 0, 0);
    expect(tally).toMatchObject({ delivered: 0, misdelivered: 1 });
  });

  it('keeps a stream per subscriber where everybody hears every flow', () => {
    const { tally, arrive } = tallyOf('every');
    for (const subscriber of [0, 1]) for (const flow of [0, 1]) arrive(subscriber, flow, 0);
    expect(tally).toMatchObject({ delivered: 4, duplicated: 0 });
  });

  it('ignores what an earlier run left behind', () => {
    const { tally, arrive } = tallyOf('own');
    arrive(0, 0, 0, { due: 1500, now: 1510 }, RUN - 1);
    expect(tally.delivered).toBe(0);
  });

  it('counts arrivals by when they came, and latencies by when they were due', () => {
    const { tally, arrive } = tallyOf('own');
    arrive(0, 0, 0, { due: 990, now: 1010 });
    arrive(0, 0, 1, { due: 1990, now: 2010 });
    expect(tally.deliveredInWindow).toBe(1);
    expect(tally.latency.total).toBe(1);
    expect(tally.latency.percentileMs(50)).toBeCloseTo(20, 0);
  });
});
