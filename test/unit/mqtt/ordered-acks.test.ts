import { describe, expect, it } from 'vitest';
import { OrderedAcks } from '../../../src/mqtt/ordered-acks.ts';

function recording(): { acks: OrderedAcks; emitted: string[] } {
  const emitted: string[] = [];
  const acks = new OrderedAcks((type, packetId, reasonCode) => {
    emitted.push(`${type} ${packetId} ${reasonCode}`);
  });
  return { acks, emitted };
}

describe('OrderedAcks', () => {
  it('emits in the order of reservation, whatever the order of completion [MQTT-4.6.0-2]', () => {
    const { acks, emitted } = recording();
    const [a, b, c] = [acks.reserve('puback', 1), acks.reserve('pubrec', 2), acks.reserve('puback', 3)];
    acks.complete(c, 0);
    acks.complete(b, 0x97);
    expect(emitted).toEqual([]);
    expect(acks.waiting).toBe(3);
    acks.complete(a, 0x10);
    expect(emitted).toEqual(['puback 1 16', 'pubrec 2 151', 'puback 3 0']);
    expect(acks.waiting).toBe(0);
  });

  it('keeps type and identifier while it grows around the end of its ring', () => {
    const { acks, emitted } = recording();
    for (let id = 1; id <= 10; id++) acks.complete(acks.reserve('pubcomp', id), 0);
    const slots = Array.from({ length: 100 }, (_, index) => acks.reserve('pubrel', 65_535 - index));
    for (const slot of slots.toReversed()) acks.complete(slot, 0);
    expect(emitted.slice(10)).toEqual(slots.map((_, index) => `pubrel ${65_535 - index} 0`));
  });

  it('lets the receiver reserve and complete from within the call', () => {
    const emitted: number[] = [];
    const acks: OrderedAcks = new OrderedAcks((_, packetId) => {
      emitted.push(packetId);
      if (packetId < 3) acks.complete(acks.reserve('puback', packetId + 1), 0);
    });
    acks.complete(acks.reserve('puback', 1), 0);
    expect(emitted).toEqual([1, 2, 3]);
  });

  it('refuses to complete what is not waiting', () => {
    const { acks } = recording();
    expect(() => {
      acks.complete(0, 0);
    }).toThrow(RangeError);
    acks.reserve('puback', 1);
    const second = acks.reserve('puback', 2);
    acks.complete(second, 0);
    expect(() => {
      acks.complete(second, 0);
    }).toThrow(RangeError);
  });
});
