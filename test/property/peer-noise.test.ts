/** Whatever bytes a peer, or a stranger, sends in whatever pieces: a broker reads them or cuts the connection, and nothing else happens. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamedPeerLinks } from '../../src/cluster/link/streamed-peer-links.ts';
import type { PeerStream, PeerStreamListener, PeerTransport } from '../../src/cluster/link/peer-transport.ts';
import type { PeerFrame } from '../../src/cluster/peer-frame.ts';
import {
  encodeNumberedFrame,
  encodePeerMessage,
  numberedFrameBytesMax,
} from '../../src/cluster/wire/peer-message-codec.ts';
import { PROTOCOL } from '../../src/cluster/wire/protocol-version.ts';
import { incarnation } from '../../src/tenancy/identity.ts';
import { peerFrame } from '../arbitrary/peer-frame.ts';
import { ManualTimers } from '../support/manual-timers.ts';
import { creditFrame, member } from '../support/peer-members.ts';

const SELF = incarnation('self', 1);
const PEER = incarnation('peer', 1);
const ADDRESS = { host: 'memory', port: 1 };
const HELLO = encodePeerMessage({
  type: 'hello',
  protocol: PROTOCOL,
  cluster: 'test',
  from: PEER,
  to: SELF,
});
const WELCOME = encodePeerMessage({ type: 'welcome', version: PROTOCOL.max, resumeAfter: 0 });

class FakeStream implements PeerStream {
  readonly backlogBytes = 0;
  isOver = false;
  writtenBytes = 0;

  write(pieces: readonly Buffer[]): void {
    expect(this.isOver).toBe(false);
    for (const { length } of pieces) this.writtenBytes += length;
  }

  end(): void {
    this.isOver = true;
  }

  destroy(): void {
    this.isOver = true;
  }
}

/** A broker whose network is what the test says. */
class LonelyBroker {
  readonly frames: PeerFrame[] = [];
  readonly problems: string[] = [];
  readonly timers = new ManualTimers();
  readonly links: StreamedPeerLinks;
  readonly dialled: { readonly stream: FakeStream; readonly listener: PeerStreamListener }[] = [];
  #onStream: ((stream: PeerStream, from: string) => PeerStreamListener) | undefined;

  constructor() {
    const transport: PeerTransport = {
      address: ADDRESS,
      dial: (_, listener) => {
        const stream = new FakeStream();
        this.dialled.push({ stream, listener });
        return stream;
      },
      accept: (onStream) => {
        this.#onStream = onStream;
      },
      close: () => Promise.resolve(),
    };
    this.links = new StreamedPeerLinks({
      self: SELF,
      cluster: 'test',
      timers: this.timers,
      random: () => 0.5,
      limits: { frameBytesMax: 1 << 16 },
      report: (_, problem) => this.problems.push(problem),
      transport,
    });
    this.links.receive({
      onFrame: (_, frame) => {
        this.frames.push(frame);
        return undefined;
      },
    });
  }

  accepted(): { readonly stream: FakeStream; readonly listener: PeerStreamListener } {
    const stream = new FakeStream();
    const listener = this.#onStream?.(stream, '192.0.2.1:50000');
    if (listener === undefined) throw new Error('nobody listens');
    return { stream, listener };
  }
}

/** Messages as bytes, then damaged at some places. */
const damaged = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: peerFrame },
        { weight: 1, arbitrary: fc.constantFrom('hello' as const, 'ping' as const, 'welcome' as const) },
      ),
      { minLength: 1, maxLength: 6 },
    ),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    fc.nat({ max: 20 }),
  )
  .map(([messages, damages, cutOff]) => {
    let number = 0;
    const bytes = Buffer.concat(
      messages.map((message) => {
        if (message === 'hello') return HELLO;
        if (message === 'welcome') return WELCOME;
        if (message === 'ping') return encodePeerMessage({ type: 'ping' });
        return numbered(++number, message);
      }),
    );
    for (const [position, byte] of damages) bytes[position % bytes.length] = byte;
    return bytes.subarray(0, Math.max(0, bytes.length - cutOff));
  });
const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const sentBytes = fc.oneof(damaged, noise);
const cuts = fc.array(fc.nat(), { maxLength: 12 });

test('what follows a greeting that was refused is not looked at any more', () => {
  const broker = new LonelyBroker();
  const { stream, listener } = broker.accepted();
  const ofOthers = encodePeerMessage({
    type: 'hello',
    protocol: PROTOCOL,
    cluster: 'another',
    from: PEER,
    to: SELF,
  });
  for (const piece of [Buffer.concat([ofOthers, Buffer.alloc(8, 0xff)]), Buffer.alloc(8, 0xff)])
    listener.onBytes(piece);
  expect(broker.problems).toEqual(['refused: this is a broker of the cluster test, not of another']);
  expect(broker.links.stats).toMatchObject({ refused: 1, malformed: 0 });
  expect(stream.isOver).toBe(true);
});

test('a connection that was accepted', () => {
  fc.assert(
    fc.property(fc.boolean(), sentBytes, cuts, (greets, bytes, where) => {
      const broker = new LonelyBroker();
      const { stream, listener } = broker.accepted();
      const before = greets ? [HELLO] : [];
      for (const piece of pieces(Buffer.concat([...before, bytes]), where)) listener.onBytes(piece);
      broker.timers.advance(1);
      expect(stream.isOver).toBe(broker.links.stats.malformed + broker.links.stats.refused > 0);
      expect(broker.problems.length).toBe(stream.isOver ? 1 : 0);
      if (!greets && bytes[4] !== 1) expect(broker.frames).toEqual([]);
      // Whoever does not go on is not kept.
      broker.timers.advance(60_000);
      expect(stream.isOver).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('a connection that was dialled', () => {
  fc.assert(
    fc.property(fc.boolean(), sentBytes, cuts, (isWelcome, bytes, where) => {
      const broker = new LonelyBroker();
      const outcomes: string[] = [];
      const link = broker.links.connect(member(PEER, ADDRESS), { onState: () => undefined });
      link.send(creditFrame(1), ({ type }) => outcomes.push(type));
      const [connection] = broker.dialled;
      connection?.listener.onOpen();
      const before = isWelcome ? [WELCOME] : [];
      for (const piece of pieces(Buffer.concat([...before, bytes]), where))
        connection?.listener.onBytes(piece);
      broker.timers.advance(1);
      expect(broker.frames).toEqual([]);
      if (connection?.stream.isOver === true || !(isWelcome || bytes[4] === 2)) expect(link.isUp).toBe(false);
      broker.timers.advance(60_000);
      expect(connection?.stream.isOver).toBe(true);
      expect(broker.dialled.length).toBeGreaterThan(1);
      // The frame is settled once at most, and only by a confirmation that reads as one.
      expect(outcomes.length).toBeLessThanOrEqual(1);
      link.close();
      expect(outcomes).toHaveLength(1);
    }),
    { numRuns: 1000 },
  );
});

test('a frame is handed over as it was sent, or not at all, when some bytes before it are damaged', () => {
  fc.assert(
    fc.property(
      peerFrame,
      peerFrame,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (one, two, position, flip) => {
        const broker = new LonelyBroker();
        const { listener } = broker.accepted();
        const first = numbered(1, one);
        const at = position % first.length;
        first[at] = (first[at] ?? 0) ^ flip;
        for (const bytes of [HELLO, first, numbered(2, two)]) listener.onBytes(Buffer.from(bytes));
        // What a damaged frame reads as cannot be known; the one behind it comes whole, or the connection is cut.
        if (broker.frames.length === 2) expect(broker.frames[1]).toEqual(two);
      },
    ),
    { numRuns: 1000 },
  );
});

function numbered(number: number, frame: PeerFrame): Buffer {
  const target = Buffer.alloc(numberedFrameBytesMax(frame));
  return target.subarray(0, encodeNumberedFrame(number, frame, PROTOCOL.max, target, 0));
}

function* pieces(bytes: Buffer, where: readonly number[]): Generator<Buffer> {
  const ends = where.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    yield Buffer.from(bytes.subarray(start, end));
    start = end;
  }
}
