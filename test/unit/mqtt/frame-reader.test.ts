import { describe, expect, it } from 'vitest';
import { FrameReader } from '../../../src/mqtt/frame-reader.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { hex, packet } from '../../packets/wire.ts';

const PINGREQ = hex('c0 00');

function collect(reader: FrameReader, ...chunks: Buffer[]): string[] {
  const frames: string[] = [];
  for (const chunk of chunks) {
    reader.push(chunk, (frame, bodyOffset) => {
      frames.push(`${bodyOffset}:${frame.toString('hex')}`);
    });
  }
  return frames;
}

describe('FrameReader', () => {
  it('cuts several frames out of one chunk, as views', () => {
    const chunk = Buffer.concat([PINGREQ, hex('40 02 0001'), PINGREQ]);
    const frames: Buffer[] = [];
    new FrameReader(100).push(chunk, (frame) => frames.push(frame));
    expect(frames.map((frame) => frame.toString('hex'))).toEqual(['c000', '40020001', 'c000']);
    expect(frames.every((frame) => frame.buffer === chunk.buffer)).toBe(true);
  });

  it('says where the body begins, for every length of header', () => {
    for (const [bodyBytes, bodyOffset] of [
      [0, 2],
      [127, 2],
      [128, 3],
      [16_383, 3],
      [16_384, 4],
      [2_097_151, 4],
      [2_097_152, 5],
    ] as const) {
      const frame = packet(0x30, Buffer.alloc(bodyBytes));
      expect(frame.length).toBe(bodyOffset + bodyBytes);
      const offsets: number[] = [];
      new FrameReader(1 << 28).push(frame, (_, offset) => offsets.push(offset));
      expect(offsets).toEqual([bodyOffset]);
    }
  });

  it('assembles a frame that comes byte by byte', () => {
    const bytes = Buffer.concat([packet(0x30, Buffer.alloc(300, 7)), PINGREQ]);
    const chunks = Array.from(bytes, (byte) => Buffer.from([byte]));
    expect(collect(new FrameReader(1000), ...chunks)).toEqual(collect(new FrameReader(1000), bytes));
  });

  it('keeps a frame it assembled apart from the chunks and from the next frame', () => {
    const bytes = packet(0x30, '0001 61 6869');
    const [first, second] = [Buffer.from(bytes.subarray(0, 4)), Buffer.from(bytes.subarray(4))];
    const frames: Buffer[] = [];
    const reader = new FrameReader(100);
    reader.push(first, (frame) => frames.push(frame));
    first.fill(0);
    reader.push(second, (frame) => frames.push(frame));
    second.fill(0);
    collect(reader, bytes.subarray(0, 5), bytes.subarray(5));
    expect(frames).toEqual([bytes]);
  });

  it('takes a packet of just the limit and refuses the next larger one by its header alone', () => {
    expect(collect(new FrameReader(10), packet(0x30, Buffer.alloc(8)))).toHaveLength(1);
    expect(() => collect(new FrameReader(10), hex('30 09'))).toThrow(
      expect.objectContaining({ reasonCode: REASON.packetTooLarge }),
    );
  });

  it('refuses too large a packet although its header comes in pieces', () => {
    const reader = new FrameReader(1000);
    expect(collect(reader, hex('30'), hex('ff'), hex('ff'))).toEqual([]);
    expect(() => collect(reader, hex('7f'))).toThrow(
      expect.objectContaining({ reasonCode: REASON.packetTooLarge }),
    );
  });

  it.each(['30 ff ff ff ff', '30 ff ff ff 80', '30 80 00', '30 ff 80 00'])(
    'refuses the remaining length in %s [MQTT-1.5.5-1]',
    (bytes) => {
      expect(() => collect(new FrameReader(1 << 28), hex(bytes))).toThrow(
        expect.objectContaining({ reasonCode: REASON.malformedPacket }),
      );
    },
  );

  it('holds memory for what arrived, not for what was announced', () => {
    const reader = new FrameReader(2 ** 28 + 4);
    const before = process.memoryUsage().arrayBuffers;
    collect(reader, hex('30 ff ff ff 7f'), Buffer.alloc(10_000));
    expect(reader.pendingBytes).toBe(10_005);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  it('stops between two frames and goes on with the rest when it is pushed again', () => {
    const reader = new FrameReader(100);
    const bytes = Buffer.concat([PINGREQ, hex('40 02 0001'), PINGREQ]);
    const cut = (chunk: Buffer): [string[], number] => {
      const frames: string[] = [];
      const taken = reader.push(chunk, (frame) => {
        frames.push(frame.toString('hex'));
        reader.stop();
      });
      return [frames, taken];
    };
    expect(cut(bytes.subarray(0, 1))).toEqual([[], 1]);
    expect(cut(bytes.subarray(1))).toEqual([['c000'], 1]);
    expect(cut(bytes.subarray(2))).toEqual([['40020001'], 4]);
    expect(cut(bytes.subarray(6))).toEqual([['c000'], 2]);
    expect(collect(reader, bytes)).toHaveLength(3);
  });

  it('hands on what the receiver of a frame throws', () => {
    const failure = new Error('no');
    expect(() => {
      new FrameReader(100).push(PINGREQ, () => {
        throw failure;
      });
    }).toThrow(failure);
  });
});
