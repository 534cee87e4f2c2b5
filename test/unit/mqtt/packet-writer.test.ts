import { describe, expect, it } from 'vitest';
import { PacketWriter } from '../../../src/mqtt/packet-writer.ts';

describe('PacketWriter', () => {
  it('keeps what was written while it grows', () => {
    const writer = new PacketWriter(1 << 20);
    const parts = Array.from({ length: 50 }, (_, index) => Buffer.alloc(index * 40, index));
    for (const part of parts) writer.append(part);
    expect(writer.take().equals(Buffer.concat(parts))).toBe(true);
  });

  it('never touches again what it gave away', () => {
    const writer = new PacketWriter(1000);
    writer.append(Buffer.from('first'));
    const taken = writer.take();
    writer.append(Buffer.from('other'));
    expect(taken.toString()).toBe('first');
    expect(writer.take().toString()).toBe('other');
  });

  it('holds no memory once it is empty', () => {
    const writer = new PacketWriter(1000);
    writer.append(Buffer.alloc(700));
    writer.take();
    expect([writer.length, writer.buffer.length]).toEqual([0, 0]);
  });

  it('grows to its bound and not beyond', () => {
    const writer = new PacketWriter(600);
    writer.append(Buffer.alloc(599));
    writer.ensure(1);
    expect(writer.buffer.length).toBe(600);
    expect(() => {
      writer.ensure(2);
    }).toThrow(RangeError);
  });
});
