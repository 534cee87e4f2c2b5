import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeExecService } from '../../../../../src/adapters/hbase/client/exec-service.ts';
import { encodeCall, encodePreamble } from '../../../../../src/adapters/hbase/client/frame.ts';
import { FrameReader, splitAnswer } from '../../../../../src/adapters/hbase/client/frame-reader.ts';
import { HBaseError } from '../../../../../src/adapters/hbase/client/hbase-error.ts';
import { loadProtocol } from '../../../../../src/adapters/hbase/client/protocol.ts';

const FRAME_BYTES_MAX = 1_000_000;

function framesOf(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const frames: Buffer[] = [];
  const reader = new FrameReader(FRAME_BYTES_MAX, (frame) => frames.push(Buffer.from(frame)));
  let start = 0;
  for (const cut of [...cuts.map((at) => at % (stream.length + 1)).sort((a, b) => a - b), stream.length]) {
    reader.push(stream.subarray(start, cut));
    start = cut;
  }
  return frames;
}

function withLength(frame: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

describe('FrameReader', () => {
  it('cuts the same frames from a stream however it arrives', () => {
    const frame = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map(withLength));
          expect(framesOf(stream, cuts)).toEqual(frames.map((bytes) => Buffer.from(bytes)));
        },
      ),
    );
  });

  it('reads a frame that comes byte by byte, and one behind a length cut in two', () => {
    const stream = Buffer.concat([withLength(Buffer.from('one')), withLength(Buffer.from('two'))]);
    expect(framesOf(stream, [...stream.keys()]).map(String)).toEqual(['one', 'two']);
    expect(framesOf(stream, [9]).map(String)).toEqual(['one', 'two']);
  });

  it('takes many small frames of one chunk without recursion', () => {
    const frames = 200_000;
    const stream = Buffer.concat(Array.from({ length: frames }, () => withLength(Buffer.from('x'))));
    let count = 0;
    new FrameReader(FRAME_BYTES_MAX, () => count++).push(stream);
    expect(count).toBe(frames);
  });

  it('copies a large frame once, not once per chunk', () => {
    const bytes = 64 * 1024 * 1024;
    const chunk = Buffer.alloc(1_024);
    let length = 0;
    const reader = new FrameReader(bytes, (frame) => (length = frame.length));
    const header = Buffer.alloc(4);
    header.writeUInt32BE(bytes);
    const started = performance.now();
    reader.push(header);
    for (let at = 0; at < bytes; at += chunk.length) reader.push(chunk);
    expect(length).toBe(bytes);
    // 65,536 chunks: copying what was there again for each would move two terabytes.
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('refuses a frame larger than its bound', () => {
    const reader = new FrameReader(10, () => undefined);
    expect(() => {
      reader.push(Buffer.from([0, 0, 0, 11]));
    }).toThrow(expect.objectContaining({ code: 'PROTOCOL' }) as Error);
  });
});

describe('splitAnswer', () => {
  it('gives header, body and the cells behind it, empty when there are none', () => {
    const header = Buffer.from([1, 2]);
    const body = Buffer.from([7, 8, 9]);
    const nothing = Buffer.alloc(0);
    expect(splitAnswer(Buffer.from([2, 1, 2, 3, 7, 8, 9]))).toEqual({ header, body, cells: nothing });
    expect(splitAnswer(Buffer.from([2, 1, 2]))).toEqual({ header, body: nothing, cells: nothing });
    expect(splitAnswer(Buffer.from([2, 1, 2, 3, 7, 8, 9, 5, 6])).cells).toEqual(Buffer.from([5, 6]));
  });

  it.each([[[]], [[5, 1]], [[0x80, 0x80]], [[1, 1, 9, 1]], [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]])(
    'refuses lengths that do not fit: %j',
    (bytes) => {
      expect(() => splitAnswer(Buffer.from(bytes))).toThrow(HBaseError);
    },
  );
});

describe('encodeCall', () => {
  const lengths = fc.constantFrom(0, 1, 127, 128, 4_095, 4_096, 4_097, 20_000);

  it('writes one frame whatever the sizes of its parts', () => {
    fc.assert(
      fc.property(
        fc.array(lengths, { maxLength: 5 }),
        fc.constantFrom(3, 127, 128, 300),
        (sizes, headerBytes) => {
          const header = Buffer.alloc(headerBytes, 1);
          const parts = sizes.map((size, index) => Buffer.alloc(size, index + 2));
          const { buffers, byteLength } = encodeCall(header, parts);
          const stream = Buffer.concat(buffers);
          expect(stream).toHaveLength(byteLength);
          const [frame] = framesOf(stream, []);
          const answer = splitAnswer(frame!);
          // Not toEqual: it takes long for this many bytes.
          expect(answer.header.equals(header) && answer.body.equals(Buffer.concat(parts))).toBe(true);
        },
      ),
    );
  });

  it('does not copy a large part', () => {
    const large = Buffer.alloc(100_000);
    expect(encodeCall(Buffer.from([1]), [Buffer.from('small'), large]).buffers).toContain(large);
  });

  it('is one buffer when all parts are small', () => {
    expect(encodeCall(Buffer.from([1]), [Buffer.alloc(4_096), Buffer.alloc(100)]).buffers).toHaveLength(1);
  });
});

it('opens a connection with magic, version, simple authentication and the header', () => {
  expect(encodePreamble(Buffer.from('head')).toString('latin1')).toBe('HBas\x00\x50\x00\x00\x00\x04head');
});

it('writes a coprocessor call as the definitions say', async () => {
  const { default: protobuf } = await import('protobufjs');
  const { root } = protobuf.parse(`syntax = "proto2";
    message Region { required uint32 type = 1; required bytes value = 2; }
    message Call { required bytes row = 1; required string service = 2; required string method = 3; required bytes request = 4; }
    message Exec { required Region region = 1; required Call call = 2; }`);
  const type = root.lookupType('Exec');
  const bytes = fc.uint8Array({ maxLength: 400 });
  const name = fc.string({ maxLength: 200 });
  fc.assert(
    fc.property(bytes, bytes, name, name, bytes, (region, row, service, method, request) => {
      const written = Buffer.concat(encodeExecService(region, row, service, method, request));
      expect(type.toObject(type.decode(written))).toEqual({
        region: { type: 1, value: Buffer.from(region) },
        call: { row: Buffer.from(row), service, method, request: Buffer.from(request) },
      });
    }),
  );
});

describe('the protocol', () => {
  it('is read once', async () => {
    expect(await loadProtocol()).toBe(await loadProtocol());
  });

  it('has what the library lacks of HBase 2', async () => {
    const { requestHeader, scan, regionInfo, splitRegion, getProcedureResult } = await loadProtocol();
    const header = { callId: 7, methodName: 'Scan', requestParam: true, timeout: 1_500 } as const;
    // Field 7, varint: 0x38.
    expect([...requestHeader.encode(header).subarray(-3)]).toEqual([0x38, 0xdc, 0x0b]);
    const cells = Buffer.from('cells');
    expect(scan.decode(Buffer.from([8 << 3, 1, 7 << 3, 1]), cells)).toMatchObject({
      message: { moreResultsInRegion: true, partialFlagPerResult: [true] },
      cells,
    });
    expect(regionInfo.decode(Buffer.from([0x08, 1, 0x12, 4, 0x0a, 0, 0x12, 0, 0x38, 2])).replicaId).toBe(2);
    expect([splitRegion.name, getProcedureResult.name]).toEqual(['SplitRegion', 'getProcedureResult']);
  });
});
