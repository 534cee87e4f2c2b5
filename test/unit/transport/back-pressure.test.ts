import { afterEach, describe, expect, it } from 'vitest';
import type { ListenerOptions } from '../../../src/transport/listener.ts';
import { certificateAuthority, serverCertificate } from '../../support/certificates.ts';
import { RawClient } from '../../support/raw-client.ts';
import { delivery, startEchoBroker, TEST_LIMITS, type EchoBroker, type EchoLink } from './echo-broker.ts';

const OUTBOX_BYTES_HIGH = 262_144;
/** More than any kernel takes for a peer that does not read. */
const FLOOD_BYTES = 16 * 1_048_576;

const tls = { certificate: serverCertificate.cert, key: serverCertificate.key, certificateAuthority };
const LISTENERS: readonly ListenerOptions[] = [
  { transport: 'tcp', port: 0 },
  { transport: 'tls', port: 0, tls },
  { transport: 'ws', port: 0 },
  { transport: 'wss', port: 0, tls },
];

/** Tens of megabytes per case, on a machine that may be busy. */
const TIMEOUT_MS = 60_000;

let broker: EchoBroker;

afterEach(async () => {
  await broker.server.close();
});

/** Sends numbered messages until the outbox is above the high-water mark and no longer taken by the socket. */
async function flood(link: EchoLink, payloadBytes: number): Promise<number> {
  let sent = 0;
  for (let bytes = 0; bytes < FLOOD_BYTES; bytes += payloadBytes) {
    const payload = Buffer.alloc(payloadBytes, sent % 251);
    payload.writeUInt32BE(sent++);
    link.link.sendPublish(delivery('flood', payload), 0);
    if (sent % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return sent;
}

describe.each(LISTENERS)('a slow reader over $transport', ({ transport, ...listener }) => {
  it.each([2_000, 40_000])(
    'holds bytes of %i-byte messages, stalls nobody, drains in order',
    { timeout: TIMEOUT_MS },
    async (payloadBytes) => {
      broker = await startEchoBroker({
        listeners: [{ transport, ...listener }],
        limits: { ...TEST_LIMITS, outboxBytesHigh: OUTBOX_BYTES_HIGH },
      });
      const { client: slow } = await RawClient.connect({ transport, port: broker.port });
      const link = await broker.link(0);
      slow.pause();
      const sent = await flood(link, payloadBytes);
      expect(link.link.outboxBytes).toBeGreaterThan(OUTBOX_BYTES_HIGH);
      // What the kernel still took of the beginning may have drained the outbox before.
      const { drains } = link;

      const { client: other } = await RawClient.connect({ transport, port: broker.port });
      await other.roundTrip();
      expect(link.drains).toBe(drains);

      slow.resume();
      for (let expected = 0; expected < sent; expected++) {
        const { payload } = await slow.expect('publish');
        const bytes = Buffer.from(payload);
        if (
          bytes.readUInt32BE() !== expected ||
          bytes.length !== payloadBytes ||
          bytes[4] !== expected % 251
        ) {
          throw new Error(`Message ${expected} came as ${bytes.readUInt32BE()} with ${bytes.length} bytes`);
        }
      }
      await link.until((each) => each.drains > drains);
      expect(link.drains).toBe(drains + 1);
      expect(link.link.outboxBytes).toBe(0);
    },
  );
});

describe('a client that asks and never reads', () => {
  it(
    'is not read any more once its answers fill twice the high-water mark, and is served on when it reads',
    { timeout: TIMEOUT_MS },
    async () => {
      const payload = Buffer.alloc(60_000);
      const questions = Math.ceil(FLOOD_BYTES / payload.length);
      broker = await startEchoBroker({ limits: { ...TEST_LIMITS, outboxBytesHigh: OUTBOX_BYTES_HIGH } });
      const { client } = await RawClient.connect({ port: broker.port });
      const link = await broker.link(0);
      client.pause();
      for (let index = 0; index < questions; index++) {
        client.send({ cmd: 'publish', topic: 't', payload, qos: 0, dup: false, retain: false });
      }
      await link.until((each) => each.link.outboxBytes >= 2 * OUTBOX_BYTES_HIGH);
      const { client: other } = await RawClient.connect({ port: broker.port });
      await other.roundTrip();
      // One packet may overshoot the bound, as may what was decoded with it.
      expect(link.link.outboxBytes).toBeLessThan(2 * OUTBOX_BYTES_HIGH + 3 * payload.length);
      expect(link.packets.length).toBeLessThan(questions);

      client.resume();
      for (let index = 0; index < questions; index++) await client.expect('publish');
      expect(link.packets).toHaveLength(questions + 1);
    },
  );
});
