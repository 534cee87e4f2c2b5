/** Chapters 1, 2 and 3.3 to 3.7: strings, PUBLISH and its acknowledgements, byte for byte over every transport. */
import { describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import {
  acknowledge,
  disconnect,
  expectNothing,
  payloads,
  publish,
  publishPacket,
  subscribe,
  take,
  takeAll,
} from '../integration/support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent, VERSIONS } from '../integration/support/versions.ts';
import { hex, packet, str } from '../packets/wire.ts';
import { overEveryTransport } from './support/every-transport.ts';

const BOTH = [MQTT_3_1_1, MQTT_5];
const QUEUE_MESSAGES_MAX = 40;
const TOPIC_BYTES_MAX = 65_535;

overEveryTransport({ limits: { durableQueue: { messagesMax: QUEUE_MESSAGES_MAX } } }, (over) => {
  describe('a string', () => {
    it.each(BOTH)(
      'keeps U+FEFF, and is compared without normalization [3.1.1 MQTT-1.5.3-3, MQTT-4.7.3-4] [5.0 MQTT-1.5.4-3, MQTT-4.7.3-4]: $version',
      async (version) => {
        const base = newClientId('topic');
        const sender = await over.connected(version);
        // Each is another topic: with and without U+FEFF, composed and decomposed, in another case, with a fullwidth a.
        const topics = ['a', '\uFEFFa', 'a\uFEFF', '\u00e9', 'e\u0301', 'A', '\uff41', ' a'].map(
          (suffix) => `${base}/${suffix}`,
        );
        for (const topic of topics) {
          const client = await over.connected(version);
          await subscribe(client, { topic, qos: 0 });
          for (const each of topics) await publish(sender, { topic: each, qos: 1, payload: each });
          const received = await client.nextBytes();
          expect(received.includes(str(topic))).toBe(true);
          expect(received.toString('utf8').endsWith(topic)).toBe(true);
          await expectNothing(client);
        }
      },
    );

    it.each(BOTH)(
      'may have 65,535 bytes [3.1.1 MQTT-4.7.3-3] [5.0 MQTT-4.7.3-3]: $version',
      async (version) => {
        const topic = newClientId('long').padEnd(TOPIC_BYTES_MAX, 'x');
        const client = await over.connected(version);
        await subscribe(client, { topic, qos: 0 });
        await publish(await over.connected(version), { topic, qos: 0 });
        expect((await take(client)).topic).toBe(topic);
      },
    );
  });

  describe('PUBLISH to a subscriber', () => {
    it('at QoS 0 has no identifier and no DUP [3.1.1 MQTT-2.3.1-5, MQTT-3.3.1-2, MQTT-4.3.1-1, MQTT-3.3.2-1]', async () => {
      const topic = newClientId('bytes');
      const client = await over.connected(MQTT_3_1_1);
      await subscribe(client, { topic, qos: 0 });
      await publish(await over.connected(MQTT_3_1_1), { topic, qos: 2, payload: 'hi' });
      const expected = packet(0x30, str(topic), Buffer.from('hi'));
      expect((await client.nextBytes()).toString('hex')).toBe(expected.toString('hex'));
    });

    it('of 5 without properties says so with one byte [5.0 MQTT-2.2.1-2, MQTT-2.2.2-1, MQTT-3.3.1-2, MQTT-4.3.1-1, MQTT-3.3.2-1]', async () => {
      const topic = newClientId('bytes');
      const client = await over.connected(MQTT_5);
      await subscribe(client, { topic, qos: 0 });
      await publish(await over.connected(MQTT_3_1_1), { topic, qos: 2, payload: 'hi' });
      const expected = packet(0x30, str(topic), '00', Buffer.from('hi'));
      expect((await client.nextBytes()).toString('hex')).toBe(expected.toString('hex'));
    });

    it.each(BOTH)(
      'at QoS 1 and 2 has an identifier that is not 0 and not in use, no DUP, and is sent once [3.1.1 MQTT-2.3.1-4, MQTT-4.3.2-1, MQTT-4.3.3-1] [5.0 MQTT-2.2.1-4, MQTT-4.3.2-1, MQTT-4.3.2-2, MQTT-4.3.3-1, MQTT-4.3.3-2, MQTT-4.4.0-1]: $version',
      async (version) => {
        for (const connect of [{}, persistent(version)]) {
          const topic = newClientId('identifiers');
          const client = await over.connected(version, connect);
          await subscribe(client, { topic, qos: 2 });
          const sender = await over.connected(version);
          for (const qos of [1, 2, 1, 2, 2, 1] as const) await publish(sender, { topic, qos });
          const packets = (await client.roundTrip()).filter((each) => each.cmd === 'publish');
          expect(packets).toHaveLength(6);
          expect(packets.map(({ dup }) => dup)).toEqual(packets.map(() => false));
          const identifiers = new Set(packets.map(({ messageId }) => messageId));
          expect(identifiers.size).toBe(packets.length);
          expect(identifiers).not.toContain(0);
          // Nothing is acknowledged, and nothing is sent again while the connection lasts.
          await expectNothing(client);
        }
      },
    );

    it.each(BOTH)(
      'has no DUP because the publisher set it [3.1.1 MQTT-3.3.1-3] [5.0 MQTT-3.3.1-3]: $version',
      async (version) => {
        const topic = newClientId('dup');
        const client = await over.connected(version);
        await subscribe(client, { topic, qos: 2 });
        const sender = await over.connected(version);
        for (const qos of [1, 2] as const) {
          await publish(sender, { topic, qos, dup: true, messageId: qos });
          expect(await take(client)).toMatchObject({ qos, dup: false });
        }
      },
    );

    it.each(BOTH)(
      'waits for credit while every other packet is answered [5.0 MQTT-3.3.4-9, MQTT-3.3.4-10, MQTT-4.9.0-1, MQTT-4.9.0-2, MQTT-4.9.0-3]: published as $version',
      async (version) => {
        const topic = newClientId('credit');
        const client = await over.connected(MQTT_5, { properties: { receiveMaximum: 1 } });
        await subscribe(client, { topic, qos: 2 });
        const sender = await over.connected(version);
        for (const payload of ['one', 'two', 'three']) await publish(sender, { topic, qos: 2, payload });
        const first = await client.expect('publish');
        // The quota is 0 from here on.
        await expectNothing(client);
        expect(await subscribe(client, { topic: `${topic}/other`, qos: 1 })).toEqual([1]);
        await publish(client, { topic: newClientId('elsewhere'), qos: 1, messageId: 7 });
        await publish(client, { topic: newClientId('elsewhere'), qos: 2, messageId: 8 });
        await acknowledge(client, first);
        expect(payloads([first, ...(await takeAll(client, 2))])).toEqual(['one', 'two', 'three']);
      },
    );
  });

  describe('acknowledgements', () => {
    it('of 3.1.1 are four bytes with the identifier of the PUBLISH [3.1.1 MQTT-2.3.1-6, MQTT-3.3.4-1, MQTT-4.3.2-2, MQTT-4.3.3-2]', async () => {
      const topic = newClientId('acks');
      const client = await over.connected(MQTT_3_1_1);
      const answer = async (bytes: Buffer): Promise<string> => {
        client.send(bytes);
        return (await client.nextBytes()).toString('hex');
      };
      expect(await answer(packet(0x32, str(topic), '1234'))).toBe('40021234');
      // Free again: the same identifier is a new message, whatever its DUP.
      expect(await answer(packet(0x3a, str(topic), '1234'))).toBe('40021234');
      expect(await answer(packet(0x34, str(topic), 'fffe'))).toBe('5002fffe');
      expect(await answer(packet(0x3c, str(topic), 'fffe'))).toBe('5002fffe');
      expect(await answer(hex('6202fffe'))).toBe('7002fffe');
      await subscribe(client, { topic, qos: 2 });
      await publish(await over.connected(MQTT_3_1_1), { topic, qos: 2 });
      const { messageId = 0 } = await client.expect('publish');
      client.send({ cmd: 'pubrec', messageId });
      expect(await client.expect('pubrel')).toMatchObject({ messageId });
    });

    it('of 5 have a reason of their own table and never properties [5.0 MQTT-2.2.1-5, MQTT-3.3.4-1, MQTT-3.4.2-1, MQTT-3.4.2-2, MQTT-3.4.2-3, MQTT-3.5.2-1, MQTT-3.5.2-2, MQTT-3.5.2-3, MQTT-3.6.2-1, MQTT-3.6.2-2, MQTT-3.6.2-3, MQTT-3.7.2-1, MQTT-3.7.2-2, MQTT-3.7.2-3]', async () => {
      const nobody = newClientId('nobody');
      const client = await over.connected(MQTT_5);
      const answer = async (bytes: Buffer): Promise<string> => {
        client.send(bytes);
        return (await client.nextBytes()).toString('hex');
      };
      expect(await answer(packet(0x32, str(nobody), '1234', '00'))).toBe('4003123410');
      expect(await answer(packet(0x34, str(nobody), '1235', '00'))).toBe('5003123510');
      expect(await answer(hex('62021235'))).toBe('70021235');
      expect(await answer(hex('62021236'))).toBe('7003123692');
      expect(await answer(hex('50021237'))).toBe('6203123792');
      expect(await answer(packet(0x32, str('$SYS/x'), '1238', '00'))).toBe('4003123887');
      expect(await answer(packet(0x34, str('$SYS/x'), '1239', '00'))).toBe('5003123987');
    });

    it('of 5 in a refusal free the identifier [5.0 MQTT-4.3.3-9, MQTT-4.3.3-8]', async () => {
      const topic = newClientId('again');
      for (const connect of [{}, persistent(MQTT_5)]) {
        const [client, witness] = [await over.connected(MQTT_5, connect), await over.connected(MQTT_5)];
        await subscribe(witness, { topic, qos: 0 });
        expect(await publish(client, { topic: '$SYS/x', qos: 2, messageId: 9 })).toBe(REASON.notAuthorized);
        expect(await publish(client, { topic, qos: 2, messageId: 9, payload: 'new' })).toBe(0);
        expect((await take(witness)).payload.toString()).toBe('new');
        await disconnect(witness);
      }
    });
  });

  describe('what is retained', () => {
    it.each(VERSIONS)(
      'outlives the session that published it [3.1.1 MQTT-3.1.2-7, MQTT-3.3.1-5, MQTT-3.3.1-6, MQTT-3.3.1-8] [5.0 MQTT-3.3.1-5, MQTT-3.3.1-9]: $version',
      async (version) => {
        const topic = newClientId('retained');
        const clientId = newClientId();
        const publisher = await over.connected(version, { clientId });
        await publish(publisher, { topic, qos: 1, retain: true, payload: 'kept' });
        await disconnect(publisher);
        await over.connected(version, { clientId });
        const client = await over.connected(version);
        await subscribe(client, { topic, qos: 1 });
        const message = await take(client);
        expect(message).toMatchObject({ topic, retain: true, dup: false });
        expect(message.payload.toString()).toBe('kept');
      },
    );
  });

  it('a publisher whose message finds a full queue is not acknowledged but closed [3.1.1 MQTT-4.8.0-2]', async () => {
    const clientId = newClientId('full');
    const absent = await over.connected(MQTT_3_1_1, { clientId, ...persistent(MQTT_3_1_1) });
    await subscribe(absent, { topic: clientId, qos: 1 });
    await disconnect(absent);
    const client = await over.connected(MQTT_3_1_1);
    for (let count = 0; count < QUEUE_MESSAGES_MAX; count++) {
      await publish(client, { topic: clientId, qos: 1 });
    }
    client.send(publishPacket({ topic: clientId, qos: 1 }));
    await client.closed();
    await expect(client.next()).rejects.toThrow('closed');
  });

  it('a message that its subscriber refused is not sent again [5.0 MQTT-4.4.0-2]', async () => {
    for (const qos of [1, 2] as const) {
      const clientId = newClientId('refusing');
      const connect = { clientId, ...persistent(MQTT_5) };
      const client = await over.connected(MQTT_5, connect);
      await subscribe(client, { topic: clientId, qos });
      await publish(await over.connected(MQTT_5), { topic: clientId, qos });
      const { messageId = 0 } = await client.expect('publish');
      const cmd = qos === 1 ? 'puback' : 'pubrec';
      client.send({ cmd, messageId, reasonCode: REASON.quotaExceeded });
      await expectNothing(client);
      client.destroy();
      await client.closed();
      await expectNothing(await over.connected(MQTT_5, connect));
    }
  });
});
