/** MQTT 5.0, section 3.14: a session that somebody else gets, or that is ended, before its CONNACK ends without a word. */
import { expect, test } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { Broker } from '../../../src/broker/broker.ts';
import type { LogRecord } from '../../../src/event-log/event-log.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, type ClientId } from '../../../src/tenancy/identity.ts';
import type { SimulatedLink } from '../../support/simulated-link.ts';
import { connectPacket, simulatedClient } from '../../support/simulated-client.ts';
import { simulatedOptions } from '../../support/simulated-services.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const CLIENT = 'bike' as ClientId;
const CONNECT = connectPacket({ clientId: CLIENT, cleanStart: false, sessionExpiryS: 3_600 });

/** Takes its time with the end of subscriptions. */
class SlowLog extends MemoryEventLog {
  #release: () => void = () => undefined;
  readonly #released = new Promise<void>((resolve) => {
    this.#release = resolve;
  });

  override async append(records: readonly LogRecord[]): ReturnType<MemoryEventLog['append']> {
    if (records.some(({ event }) => event.startsWith('Unsubscribed'))) await this.#released;
    return super.append(records);
  }

  release(): void {
    this.#release();
  }
}

test('DISCONNECT does not come before CONNACK', async () => {
  const time = new SimulatedTime();
  const sessionLog = new SlowLog();
  let mayRead = true;
  const principal = {
    tenant: DEFAULT_TENANT,
    clientName: '',
    verified: false,
    mayPublish: () => true,
    maySubscribe: () => mayRead,
  };
  const authenticator = { authenticate: () => Promise.resolve({ allowed: true, principal } as const) };
  const broker = new Broker(simulatedOptions({ time, sessionLog, authenticator }));
  await sessionLog.follow(await sessionLog.startOffsets(), (all) => {
    for (const entry of all) broker.applySessionRecord(entry);
  });
  const connect = async (): Promise<{ link: SimulatedLink; received: string[] }> => {
    const received: string[] = [];
    const link = simulatedClient(broker, time, received);
    link.fromClient(CONNECT);
    await time.advance(20);
    return { link, received };
  };

  const first = await connect();
  first.link.fromClient({
    type: 'subscribe',
    packetId: 1,
    subscriptionId: undefined,
    requests: [{ filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    userProperties: [],
  });
  await time.advance(20);
  expect(first.received).toEqual(['connack 0', 'suback']);
  mayRead = false;
  const second = await connect();
  expect(second.received).toEqual([]);
  const session = broker.tenant(DEFAULT_TENANT)?.active(CLIENT);
  session?.disconnect(REASON.administrativeAction, 'administrative', 'kicked');
  sessionLog.release();
  await time.advance(20);
  expect(session).toBeDefined();
  expect(second.received).toEqual(['closed']);
});
