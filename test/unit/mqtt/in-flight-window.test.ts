import { describe, expect, it } from 'vitest';
import { InFlightWindow, WINDOW_RANGE_MAX, packetIdOf } from '../../../src/mqtt/in-flight-window.ts';

describe('InFlightWindow', () => {
  it('derives identifiers from positions, never 0', () => {
    expect([1, 65_534, 65_535, 65_536].map(packetIdOf)).toEqual([2, 65_535, 1, 2]);
  });

  it('finishes QoS 1 with PUBACK, in any order, and reports the finished prefix', () => {
    const window = new InFlightWindow(10);
    for (const seq of [10, 11, 12]) window.sent(seq, 1);
    expect(window.acknowledge(packetIdOf(12))).toBe(12);
    expect(window.acknowledge(packetIdOf(11))).toBe(11);
    expect([window.ackedThrough, window.inFlight]).toEqual([9, 1]);
    expect(window.acknowledge(packetIdOf(10))).toBe(10);
    expect([window.ackedThrough, window.inFlight]).toEqual([12, 0]);
  });

  it('takes QoS 2 through its four steps, each of them repeatable by the client', () => {
    const window = new InFlightWindow(1);
    const id = packetIdOf(1);
    window.sent(1, 2);
    expect(window.stateOf(id)).toBe('sentQoS2');
    expect([window.received(id), window.received(id)]).toEqual([1, 1]);
    expect(window.stateOf(id)).toBe('received');
    expect(window.complete(id)).toBeUndefined();
    expect([window.released(id), window.received(id), window.released(id)]).toEqual([1, 1, 1]);
    expect(window.stateOf(id)).toBe('released');
    expect(window.complete(id)).toBe(1);
    expect([window.complete(id), window.received(id), window.stateOf(id)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('keeps the acknowledgements of QoS 1 and QoS 2 apart', () => {
    const window = new InFlightWindow(1);
    window.sent(1, 1);
    window.sent(2, 2);
    expect(window.received(packetIdOf(1))).toBeUndefined();
    expect(window.refused(packetIdOf(1))).toBeUndefined();
    expect(window.acknowledge(packetIdOf(2))).toBeUndefined();
    expect(window.released(packetIdOf(2))).toBeUndefined();
    expect(window.refused(packetIdOf(2))).toBe(2);
    expect(window.inFlight).toBe(1);
  });

  it('knows no identifier that was not sent', () => {
    const window = new InFlightWindow(1);
    window.sent(1, 1);
    for (const id of [0, packetIdOf(2), 65_535]) expect(window.acknowledge(id)).toBeUndefined();
    expect(window.inFlight).toBe(1);
  });

  it('resumes a message whose PUBREC was recorded at PUBREL', () => {
    const window = new InFlightWindow(5);
    window.resumed(5);
    expect(window.stateOf(packetIdOf(5))).toBe('released');
    expect(window.complete(packetIdOf(5))).toBe(5);
    expect(window.ackedThrough).toBe(5);
  });

  it('counts skipped and missing positions as finished', () => {
    const window = new InFlightWindow(1);
    window.skip(1);
    expect([window.ackedThrough, window.inFlight]).toEqual([1, 0]);
    window.sent(2, 1);
    window.skip(3);
    window.sent(7, 1);
    expect([window.ackedThrough, window.nextSeq, window.inFlight]).toEqual([1, 8, 2]);
    window.acknowledge(packetIdOf(2));
    expect(window.ackedThrough).toBe(6);
  });

  it('jumps over a million missing positions when nothing is in flight', () => {
    const window = new InFlightWindow(1);
    window.sent(1_000_000, 1);
    expect([window.ackedThrough, window.nextSeq]).toEqual([999_999, 1_000_001]);
    window.acknowledge(packetIdOf(1_000_000));
    window.skip(2_000_000);
    expect(window.ackedThrough).toBe(2_000_000);
  });

  it('is full when the next identifier would be that of the oldest unfinished message', () => {
    const window = new InFlightWindow(1);
    for (let seq = 1; !window.rangeFull; seq++) window.sent(seq, 1);
    expect(window.inFlight).toBe(WINDOW_RANGE_MAX);
    expect(packetIdOf(window.nextSeq)).toBe(packetIdOf(1));
    expect(() => {
      window.sent(WINDOW_RANGE_MAX + 1, 1);
    }).toThrow(RangeError);
    for (let seq = 2; seq <= WINDOW_RANGE_MAX; seq++) window.acknowledge(packetIdOf(seq));
    expect([window.rangeFull, window.inFlight]).toEqual([true, 1]);
    window.acknowledge(packetIdOf(1));
    expect([window.rangeFull, window.inFlight, window.ackedThrough]).toEqual([false, 0, WINDOW_RANGE_MAX]);
    window.sent(WINDOW_RANGE_MAX + 1, 2);
    expect(window.stateOf(packetIdOf(1 + WINDOW_RANGE_MAX))).toBe('sentQoS2');
  });

  it('refuses a position that was passed', () => {
    const window = new InFlightWindow(4);
    window.sent(4, 1);
    expect(() => {
      window.sent(4, 1);
    }).toThrow(RangeError);
    expect(() => {
      window.skip(3);
    }).toThrow(RangeError);
  });

  it('works above 2^32', () => {
    const first = 2 ** 40 + 12_345;
    const window = new InFlightWindow(first);
    for (let seq = first; seq < first + 40; seq++) window.sent(seq, 1);
    for (let seq = first; seq < first + 40; seq++) expect(window.acknowledge(packetIdOf(seq))).toBe(seq);
    expect(window.ackedThrough).toBe(first + 39);
  });
});
