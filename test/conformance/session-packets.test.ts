/** Chapters 3.12 to 3.15, PINGREQ, DISCONNECT and AUTH, byte for byte over every transport. */
import { describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { expectNothing, publishPacket, subscribe } from '../integration/support/exchanges.ts';
import { MQTT_5, newClientId, persistent, VERSIONS } from '../integration/support/versions.ts';
import { hex, packet, properties, str } from '../packets/wire.ts';
import { overEveryTransport } from './support/every-transport.ts';

/** A property that clients may send and servers must not. */
const SESSION_EXPIRY = 0x11;

overEveryTransport({}, (over) => {
  it.each(VERSIONS)(
    'PINGREQ is answered with PINGRESP [3.1.1 MQTT-3.12.4-1] [5.0 MQTT-3.12.4-1]: $version',
    async (version) => {
      const client = await over.connected(version);
      client.send(hex('c000 c000'));
      expect((await client.nextBytes()).toString('hex')).toBe('d000');
      expect((await client.nextBytes()).toString('hex')).toBe('d000');
    },
  );

  describe('DISCONNECT from a client', () => {
    it.each(VERSIONS)(
      'is its last packet: what follows does nothing, and the broker closes [3.1.1 MQTT-3.14.4-2] [5.0 MQTT-3.14.4-1, MQTT-3.14.4-2]: $version',
      async (version) => {
        const topic = newClientId('behind');
        const witness = await over.connected(version);
        await subscribe(witness, { topic, qos: 0 });
        const client = await over.connected(version);
        client.send({ cmd: 'disconnect' }, publishPacket({ topic }), { cmd: 'pingreq' });
        await client.closed();
        await expect(client.next()).rejects.toThrow('closed');
        await expectNothing(witness);
      },
    );

    it.each(VERSIONS)(
      'discards the will [3.1.1 MQTT-3.14.4-3, MQTT-3.1.2-10] [5.0 MQTT-3.14.4-3, MQTT-3.1.2-10]: $version',
      async (version) => {
        const clientId = newClientId();
        const witness = await over.connected(version);
        await subscribe(witness, { topic: clientId, qos: 0 });
        const connect = { clientId, ...persistent(version) };
        const will = { topic: clientId, payload: 'gone', qos: 1 as const, retain: false };
        const client = await over.connected(version, { ...connect, will });
        client.send(hex('e000'));
        client.destroy();
        await client.closed();
        await over.connected(version, connect);
        await expectNothing(witness);
      },
    );
  });

  describe('DISCONNECT from the broker', () => {
    it('explains itself only as far as the client takes it, and names no session expiry [5.0 MQTT-3.14.2-1, MQTT-3.14.2-2, MQTT-3.14.2-3, MQTT-4.13.2-1]', async () => {
      for (const { maximumPacketSize, explains } of [
        { maximumPacketSize: 1000, explains: true },
        { maximumPacketSize: 20, explains: false },
      ]) {
        const client = await over.connected(MQTT_5, {
          properties: { maximumPacketSize, sessionExpiryInterval: 60 },
        });
        client.send(hex('c1 00'));
        const bytes = await client.nextBytes();
        expect([bytes[0], bytes[2]]).toEqual([0xe0, REASON.malformedPacket]);
        expect(bytes.length).toBeLessThanOrEqual(maximumPacketSize);
        expect(bytes.includes('PINGREQ')).toBe(explains);
        expect(bytes[4]).not.toBe(SESSION_EXPIRY);
        await client.closed();
      }
    });

    it('does not come to a client whose CONNACK is still to come [5.0 MQTT-3.14.0-1]', async () => {
      const client = await over.open(MQTT_5);
      client.send(hex('c000'));
      await client.closed();
      await expect(client.next()).rejects.toThrow('closed');
    });
  });

  it('AUTH of a client that named no method is a protocol error [5.0 MQTT-4.12.0-6, MQTT-4.12.0-7]', async () => {
    const client = await over.connected(MQTT_5);
    client.send(packet(0xf0, '19', properties(hex('15'), str('SCRAM'))));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.protocolError });
    await client.closed();
  });

  it('a method that nobody knows is refused in CONNACK [5.0 MQTT-4.12.0-1]', async () => {
    const { client, connack } = await over.connect(MQTT_5, {
      properties: { authenticationMethod: 'NOBODY-KNOWS-THIS' },
    });
    expect(connack.reasonCode).toBe(REASON.badAuthenticationMethod);
    await client.closed();
    await expect(client.next()).rejects.toThrow('closed');
  });
});
