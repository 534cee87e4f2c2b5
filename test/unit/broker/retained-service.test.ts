/** The limits on retained messages hold for those too that wait for the log. */
import { expect, test } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { RetainedService } from '../../../src/broker/retained-service.ts';
import { StagedRetained } from '../../../src/broker/staged-retained.ts';
import { decodeRetainedEvent } from '../../../src/event-log/retained-event-codec.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import { messageTo } from '../../support/simulated-message.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const PAYLOAD_BYTES = 100;

async function serviceOf(bounds: { readonly messagesMax: number; readonly bytesMax: number }) {
  const time = new SimulatedTime();
  const log = new MemoryEventLog();
  const counters = new Counters();
  const service = new RetainedService({
    tenant: DEFAULT_TENANT,
    log,
    logsAreShared: false,
    clock: time,
    counters,
    staged: new StagedRetained(() => undefined),
    ...bounds,
    everywhere: () => undefined,
    onStoreError: () => undefined,
  });
  await log.follow(await log.startOffsets(), (entries) => {
    for (const entry of entries) service.apply(decodeRetainedEvent(entry));
  });
  const store = (topic: string, bytes = PAYLOAD_BYTES): void => {
    service.store(messageTo(topic, '', { payload: Buffer.alloc(bytes), retain: true }), undefined);
  };
  return { service, counters, store };
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
