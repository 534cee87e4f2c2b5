/** What travels with a message: payload and properties unaltered and in order, and its expiry counted down. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hex, packet, properties, str, u16 } from '../packets/wire.ts';
import type { RawClient } from '../support/raw-client.ts';
import { openRawStream } from '../support/raw-stream.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { disconnect, expectNothing, payloads, publish, subscribe, take } from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent, VERSIONS } from './support/versions.ts';

const PAST_ONE_SECOND_MS = 1_100;

let broker: RunningBroker;
let publisher: RawClient;

beforeAll(async () => {
  broker = await RunningBroker.start();
  ({ client: publisher } = await broker.connect(MQTT_5, { clientId: 'publisher' }));
});

afterAll(() => broker.dispose());

const userProperty = (name: string, value: string) => Buffer.concat([hex('26'), str(name), str(value)]);

/** Of every kind that travels; names repeat, values are empty, and their order is nobody's but the publisher's. */
const FORWARDED = [
  userProperty('b', '1'),
  hex('01 01'),
  userProperty('a', ''),
  Buffer.concat([hex('08'), str('answers/ä')]),
  userProperty('b', '2'),
  Buffer.concat([hex('09'), str(hex('00 ff 80'))]),
  Buffer.concat([hex('03'), str('text/plain')]),
  userProperty('', 'no name'),
];

/** The bytes of the first packet of this type that a subscriber on a socket of its own receives. */
async function publishBytesFor(
  clientId: string,
  topic: string,
  provoke: () => Promise<unknown>,
): Promise<Buffer> {
  const stream = await openRawStream({ port: broker.port() });
  let received = Buffer.alloc(0);
  const settled = new Promise<Buffer>((resolve) => {
    let subscribed: (() => void) | undefined = () => void provoke();
    stream.onBytes = (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.includes(hex('90')) && subscribed !== undefined) {
        subscribed();
        subscribed = undefined;
        received = Buffer.alloc(0);
      } else if (subscribed === undefined && received.length > 1 && received.length >= frameBytes(received)) {
        resolve(received.subarray(0, frameBytes(received)));
      }
    };
  });
  stream.write(packet(0x10, str('MQTT'), '05', '00', '0000', properties('11 0000003c'), str(clientId)));
  stream.write(packet(0x82, '0001', '00', str(topic), '02'));
  const bytes = await settled;
  stream.destroy();
  return bytes;
}

/** Of a frame with a length of one or two bytes. */
function frameBytes(frame: Buffer): number {
  const first = frame[1] ?? 0;
  return first < 0x80 ? 2 + first : 3 + (first & 0x7f) + (frame[2] ?? 0) * 0x80;
}

describe('properties that travel with a message', () => {
  it.each([0, 1, 2] as const)(
    'arrive byte for byte in the order of the publisher [5.0 MQTT-3.3.2-4, MQTT-3.3.2-15, MQTT-3.3.2-16, MQTT-3.3.2-17, MQTT-3.3.2-18, MQTT-3.3.2-20], QoS %i',
    async (qos) => {
      const topic = newClientId('bytes');
      const payload = Buffer.from([0, 1, 2, 255]);
      const header = 0x30 | (qos << 1);
      const identifier = qos === 0 ? Buffer.alloc(0) : u16(9);
      const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId() });
      const frame = await publishBytesFor(newClientId(), topic, async () => {
        sender.send(packet(header, str(topic), identifier, properties(...FORWARDED), payload));
        if (qos < 2) return;
        await sender.expect('pubrec');
        sender.send({ cmd: 'pubrel', messageId: 9 });
      });
      const body = Buffer.concat([properties(...FORWARDED), payload]);
      expect(frame.subarray(-body.length).toString('hex')).toBe(body.toString('hex'));
      expect(frame.subarray(3, 5 + topic.length).includes(topic)).toBe(true);
    },
  );

  it.each(VERSIONS)('are dropped for, and not missed by, other versions: $version', async (version) => {
    const topic = newClientId('plain');
    const { client } = await broker.connect(version, { clientId: newClientId() });
    await subscribe(client, { topic, qos: 1 });
    const { client: old } = await broker.connect(MQTT_3_1_1, { clientId: newClientId() });
    await publish(publisher, { topic, qos: 1, payload: 'new', properties: { contentType: 'x' } });
    await publish(old, { topic, qos: 1, payload: 'old' });
    const [fromNew, fromOld] = [await take(client), await take(client)];
    expect(payloads([fromNew, fromOld])).toEqual(['new', 'old']);
    expect(fromNew.properties?.contentType).toBe(version.level === 5 ? 'x' : undefined);
    expect(fromOld.properties ?? {}).toEqual({});
  });

  it('are there after the broker restarted', async () => {
    const own = await RunningBroker.forTest();
    const clientId = newClientId();
    const { client } = await own.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await subscribe(client, { topic: 't', qos: 2, subscriptionIdentifier: 5 });
    await disconnect(client);
    const { client: sender } = await own.connect(MQTT_5, { clientId: newClientId() });
    const sent = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answer',
      correlationData: Buffer.from([0, 255]),
      userProperties: { a: ['1', '2'], b: '' },
    };
    await publish(sender, { topic: 't', qos: 2, properties: sent });
    await own.restart();
    const { client: resumed } = await own.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    expect((await take(resumed)).properties).toEqual({ ...sent, subscriptionIdentifier: 5 });
  });
});

describe('a payload', () => {
  it.each([0, 1, 2] as const)('of any size up to the limit arrives whole, QoS %i', async (qos) => {
    const topic = newClientId('sizes');
    const { client } = await broker.connect(MQTT_3_1_1, { clientId: newClientId() });
    await subscribe(client, { topic, qos });
    for (const size of [0, 1, 127, 128, 16_384, 70_000, 1_000_000]) {
      const payload = Buffer.alloc(size, size % 251);
      await publish(publisher, { topic, qos, payload });
      const message = await take(client);
      expect(message.payload.length).toBe(size);
      expect(payload.equals(Buffer.from(message.payload))).toBe(true);
    }
  });
});

describe.concurrent('message expiry', () => {
  it('drops what waited too long, and tells the rest how long it still has [5.0 MQTT-3.3.2-5, MQTT-3.3.2-6]', async () => {
    const clientId = newClientId('expiry');
    const topic = clientId;
    const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await subscribe(client, { topic, qos: 1 });
    await disconnect(client);
    const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId() });
    const send = (payload: string, messageExpiryInterval?: number) =>
      publish(sender, {
        topic,
        qos: 1,
        payload,
        ...(messageExpiryInterval === undefined ? {} : { properties: { messageExpiryInterval } }),
      });
    await send('short', 1);
    await send('long', 600);
    await send('for ever');
    await sleep(PAST_ONE_SECOND_MS);
    const { client: resumed } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    const [long, forEver] = [await take(resumed), await take(resumed)];
    expect(payloads([long, forEver])).toEqual(['long', 'for ever']);
    expect(long.properties?.messageExpiryInterval).toBeLessThan(600);
    expect(long.properties?.messageExpiryInterval).toBeGreaterThan(590);
    expect(forEver.properties?.messageExpiryInterval).toBeUndefined();
    await expectNothing(resumed);
  });

  it('counts on while the broker is down [5.0 MQTT-3.3.2-5, MQTT-3.3.2-6]', async ({ onTestFinished }) => {
    const own = await RunningBroker.forTest({}, onTestFinished);
    const { client } = await own.connect(MQTT_5, { clientId: 'away', ...persistent(MQTT_5) });
    await subscribe(client, { topic: 't', qos: 1 });
    await disconnect(client);
    const { client: sender } = await own.connect(MQTT_5, { clientId: 'sender' });
    for (const messageExpiryInterval of [1, 600]) {
      const payload = `${messageExpiryInterval}`;
      await publish(sender, { topic: 't', qos: 1, payload, properties: { messageExpiryInterval } });
    }
    await own.stop();
    await sleep(PAST_ONE_SECOND_MS);
    await own.startAgain();
    const { client: resumed } = await own.connect(MQTT_5, { clientId: 'away', ...persistent(MQTT_5) });
    const message = await take(resumed);
    expect(payloads([message])).toEqual(['600']);
    expect(message.properties?.messageExpiryInterval).toBeLessThan(600);
    await expectNothing(resumed);
  });

  it('passes whole through a broker that delivers at once', async () => {
    const topic = newClientId('expiry');
    const { client } = await broker.connect(MQTT_5, { clientId: newClientId() });
    await subscribe(client, { topic, qos: 0 });
    const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId() });
    await publish(sender, { topic, qos: 0, properties: { messageExpiryInterval: 60 } });
    expect([59, 60]).toContain((await take(client)).properties?.messageExpiryInterval);
  });

  it('also drops what waits in memory for a client without credit', async () => {
    const topic = newClientId('expiry');
    const { client } = await broker.connect(MQTT_5, {
      clientId: newClientId(),
      properties: { receiveMaximum: 1 },
    });
    await subscribe(client, { topic, qos: 1 });
    const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId() });
    await publish(sender, { topic, qos: 1, payload: 'first' });
    await publish(sender, { topic, qos: 1, payload: 'late', properties: { messageExpiryInterval: 1 } });
    await publish(sender, { topic, qos: 1, payload: 'last' });
    const first = await client.expect('publish');
    await sleep(PAST_ONE_SECOND_MS);
    client.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
    expect(payloads([first, await take(client)])).toEqual(['first', 'last']);
  });

  it('of the broker itself counts for messages that name none', async () => {
    const own = await RunningBroker.start({ limits: { messageAgeMaxS: 1 } });
    const { client } = await own.connect(MQTT_3_1_1, { clientId: 'away', clean: false });
    await subscribe(client, { topic: 't', qos: 1 });
    await disconnect(client);
    const { client: sender } = await own.connect(MQTT_3_1_1, { clientId: 'sender' });
    await publish(sender, { topic: 't', qos: 1 });
    await sleep(PAST_ONE_SECOND_MS);
    const { client: resumed } = await own.connect(MQTT_3_1_1, { clientId: 'away', clean: false });
    await expectNothing(resumed);
    await own.dispose();
  });
});
