import { generate } from 'mqtt-packet';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameScanner } from '../../../../bench/driver/frame-scanner.ts';

const FRAMES = [
  generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }),
  generate({
    cmd: 'publish',
    topic: 'a/b',
    payload: Buffer.alloc(5000, 1),
    qos: 0,
    dup: false,
    retain: false,
  }),
  generate({ cmd: 'puback', messageId: 7 }),
  generate({ cmd: 'pingresp' }),
  generate({ cmd: 'publish', topic: 'c', payload: 'x', qos: 1, messageId: 9, dup: false, retain: false }),
];
const STREAM = Buffer.concat(FRAMES);

it('cuts the same frames out of a stream however it is split', () => {
  const anySplit = fc.uniqueArray(fc.integer({ min: 1, max: STREAM.length - 1 }), { maxLength: 12 });
  fc.assert(
    fc.property(anySplit, (cuts) => {
      const seen: string[] = [];
      const scanner = new FrameScanner((flags, bytes, start, end) => {
        seen.push(`${flags}:${bytes.subarray(start, end).toString('hex')}`);
      });
      const edges = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
      edges.slice(1).forEach((end, index) => {
        scanner.push(Buffer.from(STREAM.subarray(edges[index], end)));
      });
      expect(seen).toEqual(FRAMES.map((frame) => `${frame[0] ?? 0}:${bodyOf(frame).toString('hex')}`));
    }),
  );
});

function bodyOf(frame: Buffer): Buffer {
  const lengthBytes = frame.subarray(1).findIndex((byte) => byte < 0x80) + 1;
  return frame.subarray(1 + lengthBytes);
}
