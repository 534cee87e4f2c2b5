import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import type { LinkHandler, PauseReason } from '../../../src/broker/client-link.ts';
import type { ByteStream, ByteStreamListener } from '../../../src/transport/byte-stream.ts';
import { ChunkPool } from '../../../src/transport/chunk-pool.ts';
import { Connection } from '../../../src/transport/connection.ts';
import { DeadlineWheel } from '../../../src/transport/deadline-wheel.ts';
import { Traffic } from '../../../src/transport/traffic.ts';
import { TurnQueue } from '../../../src/transport/turn-queue.ts';

const SEED = 20_240_615;

/** `acks` is left to the handler. */
const REASONS: readonly PauseReason[] = ['store', 'quota', 'handshake'];

/** A stream whose bytes the test hands over; turns end when the test says so. */
class ScriptedStream implements ByteStream {
  readonly backlogBytes = 0;
  listener: ByteStreamListener | undefined;
  paused = false;

  attach(listener: ByteStreamListener): void {
    this.listener = listener;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  write(): void {}
  end(): void {}
  destroy(): void {}
}

/** What the broker and the network do, in some order. */
type Step =
  | { readonly kind: 'bytes'; readonly count: number }
  | { readonly kind: 'pause' | 'resume'; readonly reason: PauseReason }
  | { readonly kind: 'turn' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('bytes' as const), count: fc.integer({ min: 1, max: 60 }) }),
  fc.record({
    kind: fc.constantFrom('pause' as const, 'resume' as const),
    reason: fc.constantFrom(...REASONS),
  }),
  fc.record({ kind: fc.constant('turn' as const) }),
);

describe('a connection', () => {
  it(`decodes the same packets in the same order however bytes and pauses fall (seed ${SEED})`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 40 }), { maxLength: 40 }),
        fc.array(step, { maxLength: 120 }),
        // After which packets the handler itself pauses, to resume at the next turn.
        fc.array(fc.boolean(), { maxLength: 40 }),
        (payloads, steps, handlerPauses) => {
          expect(run(payloads, steps, handlerPauses)).toEqual(payloads);
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
  });
});

/** Payloads as the handler saw them, after everything was handed over and every pause ended. */
function run(
  payloads: readonly string[],
  steps: readonly Step[],
  handlerPauses: readonly boolean[],
): string[] {
  const turns: (() => void)[] = [];
  const timers = {
    after: () => ({ cancel: () => undefined }),
    endOfTurn: (action: () => void) => void turns.push(action),
  };
  const endTurn = (): void => {
    for (const action of turns.splice(0)) action();
  };
  const stream = new ScriptedStream();
  const seen: string[] = [];
  const connection = new Connection(
    stream,
    { transport: 'tcp', address: '127.0.0.1', port: 1, certificateName: undefined },
    {
      limits: {
        packetBytesMax: 1_000,
        connectTimeoutMs: 1_000,
        outboxBytesHigh: 1_000,
        stallTimeoutMs: 300_000,
      },
      wheel: new DeadlineWheel(timers),
      turn: new TurnQueue(timers),
      chunks: new ChunkPool(),
      traffic: new Traffic(),
      mayServe: () => true,
      onGone: () => undefined,
    },
    (link): LinkHandler => ({
      onPacket: (packet) => {
        if (packet.type !== 'publish') return;
        expect(paused.size).toBe(0);
        seen.push(packet.payload.toString());
        if (handlerPauses[seen.length] !== true) return;
        paused.add('acks');
        link.pauseReading('acks');
        turns.push(() => {
          paused.delete('acks');
          link.resumeReading('acks');
        });
      },
      onDrain: () => undefined,
      onViolation: (violation) => {
        throw violation;
      },
      onKeepAliveTimeout: () => undefined,
      onClosed: () => undefined,
    }),
  );

  const paused = new Set<PauseReason>();
  const packets = payloads.map((payload) =>
    generate({ cmd: 'publish', topic: 't', payload, qos: 0, dup: false, retain: false }),
  );
  let bytes = Buffer.concat([generate({ cmd: 'connect', clientId: 'c', protocolId: 'MQTT' }), ...packets]);
  const deliver = (count: number): void => {
    if (bytes.length > 0) stream.listener?.onBytes(bytes.subarray(0, count));
    bytes = bytes.subarray(count);
  };
  for (const each of steps) {
    if (each.kind === 'bytes') {
      deliver(each.count);
    } else if (each.kind === 'turn') {
      endTurn();
    } else if (each.kind === 'pause') {
      paused.add(each.reason);
      connection.pauseReading(each.reason);
    } else {
      paused.delete(each.reason);
      connection.resumeReading(each.reason);
    }
  }
  deliver(bytes.length);
  for (const reason of REASONS) {
    paused.delete(reason);
    connection.resumeReading(reason);
  }
  while (turns.length > 0) endTurn();
  expect(stream.paused).toBe(false);
  return seen;
}
