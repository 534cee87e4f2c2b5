/** Chapters 3.8 to 3.11, SUBSCRIBE and UNSUBSCRIBE and their answers, byte for byte over every transport. */
import { describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import {
  disconnect,
  expectNothing,
  payloads,
  publish,
  publishPacket,
  subscribe,
  take,
  takeAll,
} from '../integration/support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent } from '../integration/support/versions.ts';
import { hex, packet, properties, str } from '../packets/wire.ts';
import type { RawClient } from '../support/raw-client.ts';
import { overEveryTransport } from './support/every-transport.ts';

const BOTH = [MQTT_3_1_1, MQTT_5];
const TOPIC_LEVELS_MAX = 8;
const TOO_DEEP = '/'.repeat(TOPIC_LEVELS_MAX);

async function answerTo(client: RawClient, bytes: Buffer): Promise<string> {
  client.send(bytes);
  return (await client.nextBytes()).toString('hex');
}

overEveryTransport({ limits: { topicLevelsMax: TOPIC_LEVELS_MAX } }, (over) => {
  describe('SUBACK', () => {
    it('of 3.1.1 has one return code per filter, in their order [3.1.1 MQTT-2.3.1-7, MQTT-3.8.4-1, MQTT-3.8.4-2, MQTT-3.8.4-4, MQTT-3.8.4-5, MQTT-3.9.3-1, MQTT-3.9.3-2]', async () => {
      const client = await over.connected(MQTT_3_1_1);
      const filters = [str('a/1'), '01', str(TOO_DEEP), '02', str('a/2'), '02', str('a/0'), '00'];
      expect(await answerTo(client, packet(0x82, '4321', ...filters))).toBe('9006432101800200');
      await expectNothing(client);
    });

    it('of 5 has one reason code per filter, in their order, and no properties [5.0 MQTT-2.2.1-6, MQTT-2.2.2-1, MQTT-3.8.4-1, MQTT-3.8.4-2, MQTT-3.8.4-5, MQTT-3.8.4-6, MQTT-3.8.4-7, MQTT-3.9.3-1, MQTT-3.9.3-2]', async () => {
      const client = await over.connected(MQTT_5);
      const filters = [str('a/1'), '01', str(TOO_DEEP), '02', str('a/2'), '02', str('a/0'), '00'];
      expect(await answerTo(client, packet(0x82, '4321', '00', ...filters))).toBe('9007432100018f0200');
      await expectNothing(client);
    });

    it('says no more than the client takes [5.0 MQTT-3.9.2-1, MQTT-3.11.2-1]', async () => {
      const client = await over.connected(MQTT_5, { properties: { maximumPacketSize: 20 } });
      expect(await answerTo(client, packet(0x82, '0001', '00', str(TOO_DEEP), '00'))).toBe('90040001008f');
      expect(await answerTo(client, packet(0xa2, '0002', '00', str(TOO_DEEP)))).toBe('b00400020011');
    });
  });

  describe('UNSUBACK', () => {
    it('of 3.1.1 comes with the identifier, also when nothing was deleted [3.1.1 MQTT-2.3.1-7, MQTT-3.10.4-4, MQTT-3.10.4-5, MQTT-3.10.4-6]', async () => {
      const client = await over.connected(MQTT_3_1_1);
      expect(await answerTo(client, packet(0xa2, '4321', str('never'), str('nor/this')))).toBe('b0024321');
      await expectNothing(client);
    });

    it('of 5 has one reason code per filter, in their order [5.0 MQTT-2.2.1-6, MQTT-3.10.4-4, MQTT-3.10.4-5, MQTT-3.10.4-6, MQTT-3.11.3-1, MQTT-3.11.3-2]', async () => {
      const client = await over.connected(MQTT_5);
      await subscribe(client, { topic: 'b', qos: 1 }, { topic: 'd/#', qos: 1 });
      const filters = [str('a'), str('b'), str('c'), str('d/#')];
      expect(await answerTo(client, packet(0xa2, '4321', '00', ...filters))).toBe('b0074321' + '0011001100');
      expect(await answerTo(client, packet(0xa2, '4321', '00', ...filters))).toBe('b0074321' + '0011111111');
    });
  });

  describe('a filter that is subscribed again', () => {
    it.each(BOTH)(
      'brings its retained message again and loses nothing published meanwhile [3.1.1 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-3, MQTT-3.8.4-4]: $version',
      async (version) => {
        for (const connect of [{}, persistent(version)]) {
          const topic = newClientId('again');
          const [client, sender] = [await over.connected(version, connect), await over.connected(version)];
          await publish(sender, { topic: `${topic}/kept`, qos: 1, retain: true, payload: 'retained' });
          await subscribe(client, { topic: `${topic}/#`, qos: 1 });
          expect(await take(client)).toMatchObject({ retain: true });
          const numbers = Array.from({ length: 60 }, (_, index) => String(index));
          const flood = numbers.map((payload, index) =>
            publishPacket({ topic: `${topic}/live`, qos: 1, messageId: index + 1, payload }),
          );
          const again = client.encode({
            cmd: 'subscribe',
            messageId: 9,
            subscriptions: [{ topic: `${topic}/#`, qos: 1 }],
          });
          sender.send(...flood.slice(0, 20));
          client.send(again);
          sender.send(...flood.slice(20, 40));
          client.send(again);
          sender.send(...flood.slice(40));
          const live: string[] = [];
          let [retained, subacks] = [0, 0];
          while (live.length < numbers.length || retained < 2 || subacks < 2) {
            const arrived = await client.next();
            if (arrived.cmd === 'suback') subacks++;
            if (arrived.cmd !== 'publish') continue;
            client.send({ cmd: 'puback', messageId: arrived.messageId ?? 0 });
            if (arrived.retain) retained++;
            else live.push(arrived.payload.toString());
          }
          expect(live).toEqual(numbers);
          await expectNothing(client);
        }
      },
    );
  });

  describe('UNSUBSCRIBE', () => {
    it.each(BOTH)(
      'deletes the subscription whose filter is equal and no other [3.1.1 MQTT-3.10.4-1, MQTT-3.10.4-2] [5.0 MQTT-3.10.4-1, MQTT-3.10.4-2]: $version',
      async (version) => {
        const topic = newClientId('exact');
        const [client, sender] = [await over.connected(version), await over.connected(version)];
        await subscribe(client, { topic: `${topic}/+`, qos: 0 }, { topic: `${topic}/a`, qos: 0 });
        const unsubscribe = async (...unsubscriptions: string[]): Promise<void> => {
          client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions });
          await client.expect('unsuback');
        };
        // None of these is a filter that was subscribed, though most match the topic.
        await unsubscribe(`${topic}/#`, '#', '+/a', `${topic.toUpperCase()}/a`);
        await publish(sender, { topic: `${topic}/b`, qos: 1 });
        expect((await take(client)).topic).toBe(`${topic}/b`);
        await unsubscribe(`${topic}/+`);
        await publish(sender, { topic: `${topic}/b`, qos: 1 });
        await publish(sender, { topic: `${topic}/a`, qos: 1 });
        expect((await take(client)).topic).toBe(`${topic}/a`);
        await unsubscribe(`${topic}/a`);
        await publish(sender, { topic: `${topic}/a`, qos: 1 });
        await expectNothing(client);
      },
    );

    it.each(BOTH)(
      'lets deliveries that began come to their end [3.1.1 MQTT-3.10.4-3] [5.0 MQTT-3.10.4-3]: $version',
      async (version) => {
        for (const connect of [{}, persistent(version)]) {
          const topic = newClientId('begun');
          const clientId = newClientId();
          const client = await over.connected(version, { ...connect, clientId });
          await subscribe(client, { topic, qos: 2 });
          const sender = await over.connected(version);
          await publish(sender, { topic, qos: 1, payload: 'one' });
          await publish(sender, { topic, qos: 2, payload: 'two' });
          const [one, two] = [await client.expect('publish'), await client.expect('publish')];
          expect(payloads([one, two])).toEqual(['one', 'two']);
          client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [topic] });
          await client.expect('unsuback');
          await publish(sender, { topic, qos: 1, payload: 'three' });
          client.send({ cmd: 'puback', messageId: one.messageId ?? 0 });
          client.send({ cmd: 'pubrec', messageId: two.messageId ?? 0 });
          expect(await client.expect('pubrel')).toMatchObject({ messageId: two.messageId });
          client.send({ cmd: 'pubcomp', messageId: two.messageId ?? 0 });
          await expectNothing(client);
        }
      },
    );
  });

  it('a subscription identifier comes with what the subscription brings [5.0 MQTT-3.3.4-3, MQTT-3.3.4-4]', async () => {
    const topic = newClientId('numbered');
    const client = await over.connected(MQTT_5);
    const numbered = (id: string, filter: string) =>
      packet(0x82, '0001', properties(hex('0b'), hex(id)), str(filter), '00');
    expect(await answerTo(client, numbered('07', topic))).toBe('90040001' + '0000');
    expect(await answerTo(client, numbered('ffffff7f', `${topic}/#`))).toBe('90040001' + '0000');
    expect(await answerTo(client, numbered('09', `$share/g/${topic}`))).toBe('90040001' + '0000');
    await publish(await over.connected(MQTT_5), { topic, qos: 1 });
    const messages = await takeAll(client, 2);
    const identifiers = messages.map(({ properties }) => [properties?.subscriptionIdentifier].flat());
    expect(identifiers.map((each) => each.sort((a = 0, b = 0) => a - b)).sort()).toEqual([
      [7, 268_435_455],
      [9],
    ]);
    await disconnect(client);
  });

  it('two filters alike in one packet are two packets one after the other [5.0 MQTT-3.8.4-5, MQTT-3.10.4-6]', async () => {
    for (const connect of [{}, persistent(MQTT_5)]) {
      const topic = newClientId('alike');
      const other = await over.connected(MQTT_5);
      await publish(other, { topic, qos: 1, retain: true, payload: 'kept' });
      const client = await over.connected(MQTT_5, connect);
      const [RETAINED_WHEN_NEW, RETAINED_ALWAYS] = ['10', '00'];
      const expectRetained = async (options: string, times: number): Promise<void> => {
        const request = packet(0x82, '0001', '00', str(topic), options, str(topic), options);
        expect(await answerTo(client, request)).toBe('9005000100' + '0000');
        const retained = await takeAll(client, times);
        expect(payloads(retained)).toEqual(retained.map(() => 'kept'));
        await publish(other, { topic, qos: 1, payload: 'live' });
        expect(payloads([await take(client)])).toEqual(['live']);
        await expectNothing(client);
      };
      await expectRetained(RETAINED_WHEN_NEW, 1);
      await expectRetained(RETAINED_ALWAYS, 2);
      expect(await answerTo(client, packet(0xa2, '0002', '00', str(topic), str(topic)))).toBe(
        'b00500020000' + '11',
      );
    }
  });

  it('no-local keeps back what the client itself retained, too [5.0 MQTT-3.8.3-3]', async () => {
    const topic = newClientId('local');
    const [client, other] = [await over.connected(MQTT_5), await over.connected(MQTT_5)];
    await publish(client, { topic: `${topic}/mine`, qos: 1, retain: true });
    await publish(other, { topic: `${topic}/yours`, qos: 1, retain: true });
    await subscribe(client, { topic: `${topic}/#`, qos: 0, nl: true });
    expect((await take(client)).topic).toBe(`${topic}/yours`);
    await expectNothing(client);
  });

  it('a refused filter leaves those beside it in force [3.1.1 MQTT-3.8.4-4] [5.0 MQTT-3.8.4-5]', async () => {
    for (const version of BOTH) {
      const topic = newClientId('beside');
      const client = await over.connected(version);
      const granted = await subscribe(client, { topic: TOO_DEEP, qos: 1 }, { topic, qos: 1 });
      expect(granted).toEqual([version === MQTT_5 ? REASON.topicFilterInvalid : 0x80, 1]);
      await publish(await over.connected(version), { topic, qos: 1 });
      expect((await take(client)).topic).toBe(topic);
    }
  });
});
