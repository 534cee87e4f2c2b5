import { describe, expect, it } from 'vitest';
import { Admission, type RefusalReason } from '../../../src/transport/admission.ts';

function setUp(connectionsMax: number, connectionRateMax: number) {
  const clock = { ms: 1_000_000, nowMs: () => clock.ms };
  const refused: RefusalReason[] = [];
  const limits = { connectionsMax, connectionRateMax, connectionsPerAddressMax: 2 };
  const admission = new Admission(limits, clock, (reason) => refused.push(reason));
  const enter = (times: number): number => {
    let admitted = 0;
    for (let attempt = 0; attempt < times; attempt++) if (admission.enter()) admitted++;
    return admitted;
  };
  return { admission, clock, refused, enter };
}

describe('Admission', () => {
  it('admits up to the maximum, and again when some have left', () => {
    const { admission, refused, enter } = setUp(3, 1000);
    expect(enter(5)).toBe(3);
    expect(refused).toEqual(['connectionsMax', 'connectionsMax']);
    admission.leave();
    expect(enter(2)).toBe(1);
  });

  it('admits one second of its rate at once, then as time passes, never more than one second saved up', () => {
    const { clock, refused, enter } = setUp(1000, 10);
    expect(enter(12)).toBe(10);
    clock.ms += 250;
    expect(enter(10)).toBe(2);
    clock.ms += 60_000;
    expect(enter(20)).toBe(10);
    expect(new Set(refused)).toEqual(new Set(['connectionRateMax']));
  });

  it('gives nothing for a clock that was set back', () => {
    const { clock, enter } = setUp(1000, 10);
    enter(10);
    clock.ms -= 3_600_000;
    expect(enter(1)).toBe(0);
    clock.ms += 1_000;
    expect(enter(20)).toBe(10);
  });

  it('admits up to the maximum from one address, whatever comes from others', () => {
    const { admission, refused } = setUp(1000, 1000);
    expect(['a', 'a', 'b', 'a', 'b'].map((network) => admission.enterFrom(network))).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
    expect(refused).toEqual(['connectionsPerAddressMax']);
    admission.leaveFrom('a');
    expect([admission.enterFrom('a'), admission.enterFrom('a')]).toEqual([true, false]);
    for (const network of ['a', 'a', 'b', 'b']) admission.leaveFrom(network);
    expect(admission.enterFrom('a')).toBe(true);
  });

  it('does not charge the rate for a connection refused by number', () => {
    const { admission, enter } = setUp(1, 2);
    expect(enter(50)).toBe(1);
    admission.leave();
    expect(enter(1)).toBe(1);
  });
});
