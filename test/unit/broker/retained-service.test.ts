/** The limits on retained messages hold for those too that wait for the log. */
import { expect, test } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { RetainedService } from '../../../src/broker/retained-service.ts';
import { StagedRetained } from '../../../src/broker/staged-retained.ts';
import { decodeRetainedEvent } from '../../../src/event-log/retained-event-codec.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { quotasOf, type QuotaName } from '../../../src/quota/tenant-limits.ts';
import { DEFAULT_TENANT, type ClientId } from '../../../src/tenancy/identity.ts';
import { SIMULATED_LIMITS } from '../../support/simulated-limits.ts';
import { messageTo } from '../../support/simulated-message.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const PAYLOAD_BYTES = 100;

interface Bounds {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

const UNBOUNDED: Bounds = { messagesMax: Infinity, bytesMax: Infinity };

/** `ofClient`: what each publisher may have. */
async function serviceOf(bounds: Bounds, ofClient: Bounds = UNBOUNDED) {
  const time = new SimulatedTime();
  const log = new MemoryEventLog();
  const counters = new Counters();
  const exceeded: QuotaName[] = [];
  const service = new RetainedService({
    tenant: DEFAULT_TENANT,
    log,
    logsAreShared: false,
    clock: time,
    counters,
    staged: new StagedRetained(() => undefined),
    quota: {
      limits: {
        ...SIMULATED_LIMITS,
        retainedMessagesMax: bounds.messagesMax,
        retainedBytesMax: bounds.bytesMax,
      },
      quotas: quotasOf(
        { client: { retainedMessagesMax: ofClient.messagesMax, retainedBytesMax: ofClient.bytesMax } },
        {},
      ),
      exceeded: (quota) => {
        exceeded.push(quota);
      },
    },
    everywhere: () => undefined,
    onStoreError: () => undefined,
  });
  await log.follow(await log.startOffsets(), (entries) => {
    for (const entry of entries) service.apply(decodeRetainedEvent(entry));
  });
  const store = (topic: string, bytes = PAYLOAD_BYTES, publisher = ''): void => {
    const changes = { payload: Buffer.alloc(bytes), retain: true, publisher: publisher as ClientId };
    service.store(messageTo(topic, '', changes), undefined);
  };
  return { service, counters, exceeded, store };
}

test('bytes of messages under way count', async () => {
  const { service, counters, store } = await serviceOf({ messagesMax: 100, bytesMax: 250 });
  for (const topic of ['a', 'b', 'c']) store(topic);
  await service.settled();
  expect(counters.retainedMessages).toBe(2);
  expect(counters.drops.get('retainedQuota')).toBe(1);
});

test('what is replaced makes room, and growth under way takes it', async () => {
  const { service, counters, store } = await serviceOf({ messagesMax: 100, bytesMax: 250 });
  store('a');
  await service.settled();
  store('a', PAYLOAD_BYTES / 2);
  store('a', 2 * PAYLOAD_BYTES);
  store('b');
  await service.settled();
  expect(counters.retainedMessages).toBe(1);
  expect(counters.drops.get('retainedQuota')).toBe(1);
  store('a', 1);
  await service.settled();
  store('b');
  await service.settled();
  expect(counters.retainedMessages).toBe(2);
});

test('what one client has published is bounded beside what the tenant has, also while it waits for the log', async () => {
  const { service, counters, exceeded, store } = await serviceOf(UNBOUNDED, {
    messagesMax: 2,
    bytesMax: Infinity,
  });
  for (const topic of ['a', 'b', 'c', 'b']) store(topic, PAYLOAD_BYTES, 'bike');
  store('d', PAYLOAD_BYTES, 'car');
  await service.settled();
  expect(counters.retainedMessages).toBe(3);
  expect(exceeded).toEqual(['client.retainedMessagesMax']);
  store('a', 0, 'bike');
  await service.settled();
  store('c', PAYLOAD_BYTES, 'bike');
  await service.settled();
  expect(counters.retainedMessages).toBe(3);
});

test('a topic that another client takes over is its from then on', async () => {
  const { service, exceeded, store } = await serviceOf(UNBOUNDED, { messagesMax: Infinity, bytesMax: 250 });
  store('a', PAYLOAD_BYTES, 'bike');
  store('b', PAYLOAD_BYTES, 'bike');
  await service.settled();
  store('a', PAYLOAD_BYTES, 'car');
  await service.settled();
  store('c', PAYLOAD_BYTES, 'bike');
  await service.settled();
  expect(exceeded).toEqual([]);
  store('d', PAYLOAD_BYTES, 'bike');
  expect(exceeded).toEqual(['client.retainedBytesMax']);
});
