/** The messages of the HBase bench: 1 KiB that does not compress, views into one pool as a socket's chunks would be. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { NO_PROPERTIES, type QueuedMessage } from '../../../src/queue/message.ts';
import type { ClientId } from '../../../src/tenancy/identity.ts';
import { PAYLOAD_BYTES } from '../../options.ts';

/** Larger than any compressor's window here; the next payload begins a prime number of bytes further. */
const ENTROPY_BYTES = 1 << 20;
const ENTROPY_STRIDE = 299_993;

const entropy = randomBytes(ENTROPY_BYTES);
const publisher = 'operator' as ClientId;
let entropyAt = 0;

/** Milliseconds since 1970, to the microsecond, never backwards. */
export function preciseNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** `publishedAtMs`: when the message was due, so that whoever is told of it knows how long that took. */
export function benchMessage(publishedAtMs: number): QueuedMessage {
  entropyAt = (entropyAt + ENTROPY_STRIDE) % (ENTROPY_BYTES - PAYLOAD_BYTES);
  return {
    message: {
      topic: 'bikes/17/telemetry',
      payload: entropy.subarray(entropyAt, entropyAt + PAYLOAD_BYTES),
      qos: 1,
      retain: false,
      properties: NO_PROPERTIES,
      publishedAtMs,
      expiresAtMs: undefined,
      publisher,
    },
    qos: 1,
    retain: false,
    subscriptionIds: undefined,
    packetId: 0,
  };
}
