/** Chapter 4: hand-shakes, redelivery, expiry, order and shared subscriptions, over every transport. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import {
  acknowledge,
  expectNothing,
  payloads,
  publish,
  publishPacket,
  subscribe,
  take,
  takeAll,
} from '../integration/support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent } from '../integration/support/versions.ts';
import type { RawClient } from '../support/raw-client.ts';
import { overEveryTransport } from './support/every-transport.ts';

const BOTH = [MQTT_3_1_1, MQTT_5];
const PAST_ONE_SECOND_MS = 1_200;

async function lose(client: RawClient): Promise<void> {
  client.destroy();
  await client.closed();
}

overEveryTransport({}, (over) => {
  describe('a client that resumes its session', () => {
    it.each(BOTH)(
      'gets what it did not acknowledge again, in order, under the same identifiers [3.1.1 MQTT-3.3.1-1, MQTT-4.4.0-1, MQTT-4.6.0-1, MQTT-4.3.2-1] [5.0 MQTT-3.3.1-1, MQTT-4.4.0-1, MQTT-4.3.2-3, MQTT-4.3.3-3]: $version',
      async (version) => {
        const clientId = newClientId();
        const connect = { clientId, ...persistent(version) };
        const client = await over.connected(version, connect);
        await subscribe(client, { topic: clientId, qos: 2 });
        const sender = await over.connected(version);
        for (const qos of [1, 2, 2, 1] as const) {
          await publish(sender, { topic: clientId, qos, payload: `${qos}` });
        }
        const first = (await client.roundTrip()).filter((each) => each.cmd === 'publish');
        await lose(client);
        const resumed = await over.connected(version, connect);
        const again = [];
        for (const { messageId, qos, payload } of first) {
          const message = await resumed.expect('publish');
          expect(message).toMatchObject({ messageId, qos, payload, dup: true });
          again.push(message);
        }
        expect(payloads(again)).toEqual(['1', '2', '2', '1']);
        await expectNothing(resumed);
      },
    );

    it.each(BOTH)(
      'gets PUBREL again until PUBCOMP, and never the PUBLISH [3.1.1 MQTT-4.3.3-1] [5.0 MQTT-4.3.3-4, MQTT-4.3.3-5, MQTT-4.3.3-6]: $version',
      async (version) => {
        const clientId = newClientId();
        const connect = { clientId, ...persistent(version) };
        const client = await over.connected(version, connect);
        await subscribe(client, { topic: clientId, qos: 2 });
        await publish(await over.connected(version), { topic: clientId, qos: 2 });
        const { messageId = 0 } = await client.expect('publish');
        client.send({ cmd: 'pubrec', messageId });
        expect(await client.expect('pubrel')).toMatchObject({ messageId });
        await lose(client);
        const resumed = await over.connected(version, connect);
        expect(await resumed.expect('pubrel')).toMatchObject({ messageId });
        resumed.send({ cmd: 'pubcomp', messageId });
        await expectNothing(resumed);
        await lose(resumed);
        await expectNothing(await over.connected(version, connect));
      },
    );
  });

  describe('a QoS 2 message that expires', () => {
    it('after it was sent is sent again all the same [5.0 MQTT-4.3.3-7]', async () => {
      const clientId = newClientId();
      const connect = { clientId, ...persistent(MQTT_5) };
      const client = await over.connected(MQTT_5, connect);
      await subscribe(client, { topic: clientId, qos: 2 });
      const sender = await over.connected(MQTT_5);
      await publish(sender, { topic: clientId, qos: 2, properties: { messageExpiryInterval: 1 } });
      const { messageId } = await client.expect('publish');
      await lose(client);
      await sleep(PAST_ONE_SECOND_MS);
      const resumed = await over.connected(MQTT_5, connect);
      const message = await resumed.expect('publish');
      expect(message).toMatchObject({ messageId, dup: true });
      await acknowledge(resumed, message);
      await expectNothing(resumed);
    });

    it('before its PUBREL still comes to PUBCOMP [5.0 MQTT-4.3.3-13]', async () => {
      for (const connect of [{}, persistent(MQTT_5)]) {
        const sender = await over.connected(MQTT_5, connect);
        const expiring = { messageExpiryInterval: 1 };
        sender.send(
          publishPacket({ topic: newClientId('held'), qos: 2, messageId: 3, properties: expiring }),
        );
        expect(await sender.expect('pubrec')).toMatchObject({ messageId: 3 });
        await sleep(PAST_ONE_SECOND_MS);
        sender.send({ cmd: 'pubrel', messageId: 3 });
        const pubcomp = await sender.expect('pubcomp');
        expect(pubcomp).toMatchObject({ messageId: 3 });
        expect(pubcomp.reasonCode ?? 0).toBe(REASON.success);
      }
    });
  });

  describe('a member of a shared subscription', () => {
    const member = async (topic: string, connect = {}, qos: 0 | 1 | 2 = 2): Promise<RawClient> => {
      const client = await over.connected(MQTT_5, connect);
      expect(await subscribe(client, { topic: `$share/group/${topic}`, qos })).toEqual([qos]);
      return client;
    };

    it('gets a message at the QoS it was granted [5.0 MQTT-4.8.2-3]', async () => {
      const topic = newClientId('shared');
      const sender = await over.connected(MQTT_5);
      for (const granted of [0, 1, 2] as const) {
        const only = await member(topic, {}, granted);
        await publish(sender, { topic, qos: 2 });
        expect(await take(only)).toMatchObject({ qos: granted });
        only.send({ cmd: 'disconnect' });
        await only.closed();
      }
    });

    it('that loses its connection within QoS 2 completes the delivery when it is back [5.0 MQTT-4.8.2-4]', async () => {
      const topic = newClientId('shared');
      const connect = { clientId: newClientId('member'), ...persistent(MQTT_5) };
      const client = await member(topic, connect);
      await publish(await over.connected(MQTT_5), { topic, qos: 2, payload: 'once' });
      const { messageId } = await client.expect('publish');
      const other = await member(topic);
      await lose(client);
      await expectNothing(other);
      const resumed = await over.connected(MQTT_5, connect);
      const message = await resumed.expect('publish');
      expect(message).toMatchObject({ messageId, dup: true });
      await acknowledge(resumed, message);
      await expectNothing(resumed);
      await expectNothing(other);
    });

    it.each([1, 2] as const)(
      'that refuses a message leaves it to nobody else [5.0 MQTT-4.8.2-6]: QoS %i',
      async (qos) => {
        const topic = newClientId('shared');
        const connect = { clientId: newClientId('member'), ...persistent(MQTT_5) };
        const client = await member(topic, connect);
        await publish(await over.connected(MQTT_5), { topic, qos });
        const { messageId = 0 } = await client.expect('publish');
        const other = await member(topic);
        const cmd = qos === 1 ? 'puback' : 'pubrec';
        client.send({ cmd, messageId, reasonCode: REASON.notAuthorized });
        await expectNothing(client);
        client.send({ cmd: 'disconnect', properties: { sessionExpiryInterval: 0 } });
        await client.closed();
        await over.connected(MQTT_5, { ...connect, clean: true });
        await expectNothing(other);
      },
    );
  });

  it.each(BOTH)(
    'PUBREL packets come in the order of the PUBREC packets [3.1.1 MQTT-4.6.0-4]: $version',
    async (version) => {
      for (const connect of [{}, persistent(version)]) {
        const topic = newClientId('releases');
        const client = await over.connected(version, connect);
        await subscribe(client, { topic, qos: 2 });
        const sender = await over.connected(version);
        for (let count = 0; count < 5; count++) await publish(sender, { topic, qos: 2 });
        const messages = (await client.roundTrip()).filter((each) => each.cmd === 'publish');
        client.send(...messages.map(({ messageId = 0 }) => ({ cmd: 'pubrec' as const, messageId })));
        for (const { messageId } of messages) {
          expect(await client.expect('pubrel')).toMatchObject({ messageId });
        }
      }
    },
  );

  it.each(BOTH)(
    'messages of one client on one topic come in their order [3.1.1 MQTT-4.6.0-2, MQTT-4.6.0-5, MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5, MQTT-4.6.0-6]: $version',
    async (version) => {
      for (const connect of [{}, persistent(version)]) {
        for (const qos of [0, 1, 2] as const) {
          const topic = newClientId('order');
          const client = await over.connected(version, connect);
          await subscribe(client, { topic, qos });
          const sender = await over.connected(version, connect);
          const numbers = Array.from({ length: 50 }, (_, index) => String(index));
          const packets = numbers.map((payload, index) =>
            publishPacket({ topic, qos, payload, messageId: index + 1 }),
          );
          sender.send(...packets);
          if (qos > 0) {
            for (const { messageId } of packets) {
              expect(await sender.expect(qos === 1 ? 'puback' : 'pubrec')).toMatchObject({ messageId });
            }
          }
          if (qos === 2) {
            sender.send(...packets.map(({ messageId = 0 }) => ({ cmd: 'pubrel' as const, messageId })));
          }
          expect(payloads(await takeAll(client, numbers.length))).toEqual(numbers);
        }
      }
    },
  );
});
