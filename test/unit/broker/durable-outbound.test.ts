import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryDurableQueue } from '../../../src/adapters/memory/memory-durable-queue.ts';
import type { ClientLink, Delivery } from '../../../src/broker/client-link.ts';
import { DurableOutbound } from '../../../src/broker/durable-outbound.ts';
import { MarkBatcher } from '../../../src/broker/mark-batcher.ts';
import { TrimBatcher } from '../../../src/broker/trim-batcher.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { packetIdOf } from '../../../src/mqtt/in-flight-window.ts';
import type { QoS } from '../../../src/mqtt/qos.ts';
import { queueKey, type ReadLimits, type QueueKey, type Seq } from '../../../src/queue/durable-queue.ts';
import { DEFAULT_TENANT, type SessionId } from '../../../src/tenancy/identity.ts';
import { messageTo, queued } from '../../support/simulated-message.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const QUEUE = queueKey(DEFAULT_TENANT, 1 as SessionId, 'pending');
const IN_FLIGHT_MAX = 3;
const OUTBOX_HIGH = 100;
const LARGEST_PAYLOAD = 50;

const ignore = (): void => undefined;

class RecordingLink implements ClientLink {
  readonly peer = { transport: 'tcp', address: '', port: 0, certificateName: undefined } as const;
  readonly sent: string[] = [];
  outboxBytes = 0;
  readonly bytesReceived = 0;
  readonly bytesSent = 0;
  readonly configure = ignore;
  readonly limitPackets = ignore;
  readonly send = ignore;
  readonly pauseReading = ignore;
  readonly resumeReading = ignore;
  readonly close = ignore;

  sendAck(type: string, packetId: number): void {
    this.sent.push(`${type} ${packetId - 1}`);
  }

  sendPublish({ message, dup }: Delivery): boolean {
    if (message.payload.length > LARGEST_PAYLOAD) return false;
    this.sent.push(`${message.payload.toString()}${dup ? ' again' : ''}`);
    return true;
  }
}

class CountingStore extends MemoryDurableQueue {
  reads = 0;
  failing = false;

  override read(queue: QueueKey, from: Seq, limits: ReadLimits) {
    this.reads++;
    return this.failing ? Promise.reject(new Error('away')) : super.read(queue, from, limits);
  }

  override mark(queue: QueueKey, seqs: readonly Seq[]) {
    return this.failing ? Promise.reject(new Error('away')) : super.mark(queue, seqs);
  }
}

describe('durable outbound', () => {
  let time: SimulatedTime;
  let store: CountingStore;
  let link: RecordingLink;
  let outbound: DurableOutbound;
  let counters: Counters;
  let failures: unknown[];
  let sequence = 0;

  beforeEach(() => {
    time = new SimulatedTime();
    store = new CountingStore({ messagesMax: 1_000, bytesMax: 1_000_000, policy: 'reject' });
    failures = [];
    connect(0);
  });

  /** A new connection; `sentBefore` undefined: the broker died. */
  function connect(sentBefore: number | undefined, mayReceive?: (topic: string) => boolean): void {
    link = new RecordingLink();
    counters = new Counters();
    outbound = new DurableOutbound({
      link,
      clock: time,
      counters,
      inFlightMax: IN_FLIGHT_MAX,
      outboxBytesHigh: OUTBOX_HIGH,
      queue: QUEUE,
      store,
      trims: new TrimBatcher(store, time, ignore),
      marks: new MarkBatcher(store, time),
      sentBefore: sentBefore as Seq | undefined,
      ...(mayReceive === undefined ? {} : { mayReceive }),
      onStoreFailure: (error) => failures.push(error),
    });
  }

  const start = async (): Promise<void> => {
    outbound.start(await store.bounds(QUEUE));
    await time.settle();
  };

  /** As the batcher does it: durable first, then the connection is told. */
  async function append(payload: string, qos: QoS = 1, expiresAtMs?: number, topic = 't'): Promise<void> {
    const message = messageTo(topic, payload, { qos, expiresAtMs });
    const entry = { queue: QUEUE, producer: 'p', sequence: ++sequence, queued: queued(message) };
    const [result] = await store.append([entry]);
    if (result !== undefined) outbound.appended(result.seq, entry.queued);
    await time.settle();
  }

  const puback = async (seq: number): Promise<void> => {
    outbound.onPuback(packetIdOf(seq));
    await time.settle();
  };

  const oldest = async (): Promise<number> => {
    await time.advance(1_000);
    return (await store.bounds(QUEUE)).min;
  };

  test('what waited and is not for the client any more is passed over, unless it may have been sent before', async () => {
    for (const payload of ['a', 'b', 'c', 'd', 'e', 'f'])
      await append(payload, 1, undefined, 'ace'.includes(payload) ? 'forbidden' : 'allowed');
    connect(1, (topic) => topic === 'allowed');
    await start();
    expect(link.sent).toEqual(['a again', 'b', 'd']);
    for (const seq of [1, 2, 4]) await puback(seq);
    await puback(6);
    expect(link.sent).toEqual(['a again', 'b', 'd', 'f']);
    expect(counters.drops.get('notAuthorized')).toBe(2);
    await time.advance(1_000);
    expect(await store.bounds(QUEUE)).toMatchObject({ min: 7, next: 7 });
    // What comes while the client is connected came by a subscription that it has.
    await append('g', 1, undefined, 'forbidden');
    expect(link.sent.at(-1)).toBe('g');
  });

  test('a live message that is the next one is sent without a read', async () => {
    await start();
    await append('a');
    expect(link.sent).toEqual(['a']);
    expect(store.reads).toBe(0);
  });

  test('the backlog comes first and in order, live messages are its tail', async () => {
    await append('a');
    await append('b');
    expect(link.sent, 'nothing leaves before the start').toEqual([]);
    await start();
    await append('c');
    expect(link.sent).toEqual(['a', 'b', 'c']);
  });

  test('the client’s window bounds what is sent, not what is queued', async () => {
    await start();
    for (const payload of ['a', 'b', 'c', 'd', 'e']) await append(payload);
    expect(link.sent).toEqual(['a', 'b', 'c']);
    expect(outbound.hasCredit).toBe(false);
    await puback(1);
    await puback(2);
    expect(link.sent).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('a full outbox stops the queue, draining it lets it go on', async () => {
    await start();
    link.outboxBytes = OUTBOX_HIGH;
    await append('a');
    expect(link.sent).toEqual([]);
    outbound.deliver(messageTo('t', 'zero'), 0, false, undefined);
    expect(counters.drops.get('outboxFull')).toBe(1);
    link.outboxBytes = 0;
    outbound.onDrain();
    await time.settle();
    expect(link.sent).toEqual(['a']);
  });

  test('a position is given up only behind the acknowledged prefix', async () => {
    await start();
    for (const payload of ['a', 'b', 'c']) await append(payload);
    await puback(2);
    expect(await oldest()).toBe(1);
    await puback(1);
    expect(await oldest()).toBe(3);
  });

  test('an identifier that is not in flight changes nothing', async () => {
    await start();
    await append('a');
    expect(outbound.onPuback(999)).toBe('unknown');
    expect(outbound.onPubcomp(packetIdOf(1)), 'a QoS 1 message has no PUBCOMP').toBe('unknown');
    expect(await oldest()).toBe(1);
  });

  test('messages that expired or are too large for the client are passed over and counted', async () => {
    await append('a', 1, time.nowMs());
    await append('x'.repeat(LARGEST_PAYLOAD + 1));
    await append('b');
    await start();
    expect(link.sent).toEqual(['b']);
    expect(counters.drops.get('expired')).toBe(1);
    expect(counters.drops.get('tooLarge')).toBe(1);
    expect(await oldest()).toBe(3);
  });

  test('a gap, and an end that is missing, are passed over', async () => {
    await append('a');
    await append('gone', 1, time.nowMs() + 5);
    await append('b');
    await append('gone too', 1, time.nowMs() + 5);
    await time.advance(10);
    await store.sweepExpired(time.nowMs());
    await start();
    expect(link.sent).toEqual(['a', 'b']);
    await append('c');
    expect(link.sent).toEqual(['a', 'b', 'c']);
    await puback(1);
    await puback(3);
    await puback(5);
    expect((await store.bounds(QUEUE)).next).toBe(6);
    expect(await oldest()).toBe(6);
  });

  describe('QoS 2', () => {
    test('PUBREL leaves when the mark is durable, and PUBCOMP gives the position up', async () => {
      await start();
      await append('a', 2);
      expect(outbound.onPubrec(packetIdOf(1), false)).toBe('done');
      expect(link.sent).toEqual(['a']);
      await time.settle();
      expect(link.sent).toEqual(['a', 'pubrel 1']);
      const [entry] = await store.read(QUEUE, 1 as Seq, { messagesMax: 1, bytesMax: 1 });
      expect(entry?.marked).toBe(true);
      outbound.onPubcomp(packetIdOf(1));
      expect(await oldest()).toBe(2);
    });

    test('a marked message goes on with PUBREL on the next connection, never with PUBLISH', async () => {
      await start();
      await append('a', 2);
      await append('b', 2);
      outbound.onPubrec(packetIdOf(1), false);
      await time.settle();
      connect(2);
      await start();
      expect(link.sent).toEqual(['pubrel 1', 'b again']);
      outbound.onPubcomp(packetIdOf(1));
      expect(await oldest()).toBe(2);
    });

    test('a mark that is not recorded means no PUBREL', async () => {
      await start();
      await append('a', 2);
      store.failing = true;
      outbound.onPubrec(packetIdOf(1), false);
      await time.settle();
      expect(link.sent).toEqual(['a']);
      expect(failures).toHaveLength(1);
    });

    test('a PUBREC with an error ends the exchange', async () => {
      await start();
      await append('a', 2);
      expect(outbound.onPubrec(packetIdOf(1), true)).toBe('done');
      expect(await oldest()).toBe(2);
    });
  });

  describe('on the next connection', () => {
    beforeEach(async () => {
      await start();
      for (const payload of ['a', 'b', 'c', 'd']) await append(payload);
      outbound.stop();
    });

    test('what was sent comes again with DUP, what was not without [MQTT-3.3.1-1]', async () => {
      connect(outbound.sentThrough);
      await start();
      expect(link.sent).toEqual(['a again', 'b again', 'c again']);
      await puback(1);
      expect(link.sent.at(-1)).toBe('d');
      expect(counters.redelivered[1]).toBe(3);
    });

    test('a connection that ended before it began knows what it was told', () => {
      connect(outbound.sentThrough);
      outbound.stop();
      expect(outbound.sentThrough).toBe(3);
      connect(undefined);
      expect(outbound.sentThrough).toBeUndefined();
    });

    test('after the death of a broker everything that was there may have been sent', async () => {
      connect(undefined);
      await start();
      await puback(1);
      expect(link.sent).toEqual(['a again', 'b again', 'c again', 'd again']);
      await puback(2);
      await append('e');
      expect(link.sent.at(-1)).toBe('e');
    });
  });

  test('a queue that cannot be read is reported once, and not after the end of the connection', async () => {
    await append('a');
    store.failing = true;
    await start();
    expect(failures).toHaveLength(1);
    connect(0);
    outbound.start(await store.bounds(QUEUE));
    outbound.stop();
    await time.settle();
    expect(failures).toHaveLength(1);
  });

  test('whoever waits for room is woken by an acknowledgement, and by the end', async () => {
    await start();
    for (const payload of ['a', 'b', 'c']) await append(payload);
    const woken: string[] = [];
    void outbound.room().then(() => woken.push('acknowledged'));
    await time.settle();
    expect(woken).toEqual([]);
    await puback(1);
    expect(woken).toEqual(['acknowledged']);
    await append('d');
    void outbound.room().then(() => woken.push('stopped'));
    outbound.stop();
    await time.settle();
    expect(woken).toEqual(['acknowledged', 'stopped']);
  });
});
