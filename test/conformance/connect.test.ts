/** Chapters 3.1 and 3.2, CONNECT and CONNACK, byte for byte over every transport. */
import { describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import {
  disconnect,
  expectNothing,
  publish,
  publishPacket,
  subscribe,
  take,
} from '../integration/support/exchanges.ts';
import {
  MQTT_3_1_1,
  MQTT_5,
  newClientId,
  persistent,
  VERSIONS,
  type Version,
} from '../integration/support/versions.ts';
import { hex, packet, properties, str } from '../packets/wire.ts';
import { overEveryTransport } from './support/every-transport.ts';

const BOTH = [MQTT_3_1_1, MQTT_5];
/** CONNACK return code of 3.1.1. */
const NOT_AUTHORIZED = 5;

const LETTERS_AND_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const CLIENT_IDS = ['a', 'Z', '0', ...(LETTERS_AND_DIGITS.match(/.{1,23}/g) ?? [])];

/** A CONNECT that no user of this broker may make. */
const REFUSED = { username: 'nowhere/bike', password: Buffer.from('x') };

/** CONNECT of a session that outlives its connection, by hand. */
function persistentConnect({ level }: Version, clientId: string): Buffer {
  const [cleanStart, keepAlive] = ['00', '0000'];
  const own = level === 5 ? properties('11 0000003c') : Buffer.alloc(0);
  return packet(0x10, str('MQTT'), Buffer.from([level]), cleanStart, keepAlive, own, str(clientId));
}

/** Of an MQTT 5 packet with a header of two bytes: identifiers and lengths of properties are below 128 here. */
function hasProperty(properties: Buffer, id: number): boolean {
  const lengths: Readonly<Record<number, number>> = { 0x21: 2, 0x27: 4, 0x22: 2, 0x11: 4, 0x13: 2 };
  for (let at = 0; at < properties.length;) {
    const found = properties.readUInt8(at);
    if (found === id) return true;
    const length = lengths[found] ?? 2 + properties.readUInt16BE(at + 1);
    at += 1 + length;
  }
  return false;
}

overEveryTransport({ limits: { topicAliasMaximum: 0, topicLevelsMax: 8 } }, (over) => {
  describe('the client identifier', () => {
    it.each(BOTH)(
      'of 1 to 23 letters and digits is accepted [3.1.1 MQTT-3.1.3-5] [5.0 MQTT-3.1.3-5]: $version',
      async (version) => {
        for (const clientId of CLIENT_IDS) {
          const client = await over.connected(version, { clientId });
          client.destroy();
        }
      },
    );

    it.each(BOTH)(
      'that is empty is replaced by one that nobody has [3.1.1 MQTT-3.1.3-6] [5.0 MQTT-3.1.3-6, MQTT-3.1.3-7, MQTT-3.2.2-16]: $version',
      async (version) => {
        const [one, other] = [
          await over.connect(version, { clientId: '' }),
          await over.connect(version, { clientId: '' }),
        ];
        await expectNothing(one.client);
        await expectNothing(other.client);
        if (version !== MQTT_5) return;
        const assigned = one.connack.properties?.assignedClientIdentifier ?? '';
        expect(assigned).not.toBe('');
        expect(other.connack.properties?.assignedClientIdentifier).not.toBe(assigned);
        await over.connected(MQTT_5, { clientId: assigned });
        expect(await one.client.next()).toMatchObject({ reasonCode: REASON.sessionTakenOver });
      },
    );

    it('that is empty without clean session is rejected [3.1.1 MQTT-3.1.3-7, MQTT-3.1.3-8, MQTT-3.1.3-9]', async () => {
      const client = await over.open(MQTT_3_1_1);
      client.send(packet(0x10, str('MQTT'), '04', '00', '0000', str('')), { cmd: 'pingreq' });
      expect((await client.nextBytes()).toString('hex')).toBe('20020002');
      await client.closed();
      await expect(client.next()).rejects.toThrow('closed');
    });

    it.each(BOTH)(
      'names the state of the session [3.1.1 MQTT-3.1.3-2] [5.0 MQTT-3.1.3-2]: $version',
      async (version) => {
        const [clientId, otherId] = [newClientId(), newClientId()];
        const client = await over.connected(version, { clientId, ...persistent(version) });
        await subscribe(client, { topic: clientId, qos: 1 });
        await disconnect(client);
        const sender = await over.connected(version);
        await publish(sender, { topic: clientId, qos: 1, payload: 'kept' });
        const other = await over.connect(version, { clientId: otherId, ...persistent(version) });
        expect(other.connack.sessionPresent).toBe(false);
        await expectNothing(other.client);
        const same = await over.connect(version, { clientId, ...persistent(version) });
        expect(same.connack.sessionPresent).toBe(true);
        expect((await take(same.client)).payload.toString()).toBe('kept');
      },
    );
  });

  describe('a CONNECT that is refused', () => {
    it.each(BOTH)(
      'gets one CONNACK and no session, and what follows it does nothing [3.1.1 MQTT-3.1.4-5, MQTT-3.2.2-4, MQTT-3.2.2-5] [5.0 MQTT-3.1.4-2, MQTT-3.1.4-6, MQTT-3.2.2-6, MQTT-3.2.2-7, MQTT-3.2.2-8, MQTT-3.14.0-1, MQTT-4.13.2-1]: $version',
      async (version) => {
        const topic = newClientId('eager');
        const witness = await over.connected(version);
        await subscribe(witness, { topic, qos: 0 });
        const client = await over.open(version);
        client.sendConnect({ clientId: newClientId(), ...REFUSED });
        client.send(publishPacket({ topic }), { cmd: 'pingreq' }, { cmd: 'disconnect' });
        const expected = version === MQTT_5 ? REASON.notAuthorized : NOT_AUTHORIZED;
        const connack = await client.nextBytes();
        expect([connack[0], connack[2], connack[3]]).toEqual([0x20, 0, expected]);
        await client.closed();
        await expect(client.next()).rejects.toThrow('closed');
        await expectNothing(witness);
      },
    );

    it('says why only as far as the client takes it [5.0 MQTT-3.2.2-19]', async () => {
      for (const { maximumPacketSize, explains } of [
        { maximumPacketSize: 1000, explains: true },
        { maximumPacketSize: 10, explains: false },
      ]) {
        const client = await over.open(MQTT_5);
        client.sendConnect({ clientId: newClientId(), ...REFUSED, properties: { maximumPacketSize } });
        const connack = await client.nextBytes();
        expect(connack.length).toBeLessThanOrEqual(maximumPacketSize);
        expect(connack.includes('tenant')).toBe(explains);
      }
    });
  });

  describe('CONNACK', () => {
    it('of 3.1.1 is four bytes [3.1.1 MQTT-3.1.4-3, MQTT-3.1.4-4, MQTT-3.2.2-1, MQTT-3.2.2-2, MQTT-3.2.2-3, MQTT-3.1.2-4, MQTT-3.1.2-6]', async () => {
      const clientId = newClientId();
      const bytesOf = async (connect: Buffer): Promise<string> => {
        const client = await over.open(MQTT_3_1_1);
        client.send(connect);
        const bytes = await client.nextBytes();
        await disconnect(client);
        return bytes.toString('hex');
      };
      const clean = packet(0x10, str('MQTT'), '04', '02', '0000', str(clientId));
      expect(await bytesOf(persistentConnect(MQTT_3_1_1, clientId))).toBe('20020000');
      expect(await bytesOf(persistentConnect(MQTT_3_1_1, clientId))).toBe('20020100');
      expect(await bytesOf(clean)).toBe('20020000');
      expect(await bytesOf(persistentConnect(MQTT_3_1_1, clientId))).toBe('20020000');
    });

    it('of 5 has session present in its first bit and nothing else there [5.0 MQTT-3.1.4-4, MQTT-3.1.4-5, MQTT-3.2.2-1, MQTT-3.2.2-2, MQTT-3.2.2-3, MQTT-3.1.2-4, MQTT-3.1.2-5, MQTT-3.1.2-6]', async () => {
      const clientId = newClientId();
      const headOf = async (connect: Buffer): Promise<number[]> => {
        const client = await over.open(MQTT_5);
        client.send(connect);
        const bytes = await client.nextBytes();
        await disconnect(client);
        return [bytes.readUInt8(0), bytes.readUInt8(2), bytes.readUInt8(3)];
      };
      const clean = packet(0x10, str('MQTT'), '05', '02', '0000', properties('11 0000003c'), str(clientId));
      expect(await headOf(persistentConnect(MQTT_5, clientId))).toEqual([0x20, 0, 0]);
      expect(await headOf(persistentConnect(MQTT_5, clientId))).toEqual([0x20, 1, 0]);
      expect(await headOf(clean)).toEqual([0x20, 0, 0]);
    });

    it.each(BOTH)(
      'is the first packet, also for a session whose messages wait [3.1.1 MQTT-3.2.0-1] [5.0 MQTT-3.2.0-1]: $version',
      async (version) => {
        const clientId = newClientId();
        const client = await over.connected(version, { clientId, ...persistent(version) });
        await subscribe(client, { topic: clientId, qos: 1 });
        await disconnect(client);
        await publish(await over.connected(version), { topic: clientId, qos: 1 });
        const back = await over.open(version);
        back.send(persistentConnect(version, clientId), { cmd: 'pingreq' });
        await back.expect('connack');
        const next = [(await back.next()).cmd, (await back.next()).cmd];
        expect(next.sort()).toEqual(['pingresp', 'publish']);
      },
    );

    it('that is larger than the client takes is no CONNACK, so nothing else may come either [5.0 MQTT-3.2.0-1, MQTT-3.1.2-24]', async () => {
      const client = await over.open(MQTT_5);
      client.sendConnect({ clientId: newClientId(), properties: { maximumPacketSize: 4 } });
      client.send({ cmd: 'pingreq' });
      await client.closed();
      await expect(client.next()).rejects.toThrow('closed');
      const told = await over.connect(MQTT_5, { properties: { maximumPacketSize: 10 } });
      expect(told.connack).toMatchObject({ reasonCode: REASON.packetTooLarge, sessionPresent: false });
      await told.client.closed();
    });

    it('that names no topic alias maximum means that none is taken [5.0 MQTT-3.2.2-18]', async () => {
      const { client, connack } = await over.connect(MQTT_5);
      expect(connack.properties?.topicAliasMaximum ?? 0).toBe(0);
      client.send(publishPacket({ topic: 'a', properties: { topicAlias: 1 } }));
      expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.topicAliasInvalid });
      await client.closed();
    });

    it('comes once, and behind it what broke the protocol right after CONNECT [5.0 MQTT-3.2.0-2, MQTT-3.14.0-1]', async () => {
      const client = await over.open(MQTT_5);
      client.send(persistentConnect(MQTT_5, newClientId()), hex('c1 00'));
      expect(await client.expect('connack')).toMatchObject({ reasonCode: 0 });
      expect(await client.expect('disconnect')).toMatchObject({ reasonCode: REASON.malformedPacket });
      await client.closed();
      const again = await over.connected(MQTT_5);
      again.sendConnect({ clientId: newClientId() });
      expect(await again.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.protocolError });
    });

    it.each([undefined, false, true])(
      'names no response information, authentication method or lowered QoS, asked %s [5.0 MQTT-3.1.2-28, MQTT-4.12.0-6, MQTT-3.2.2-8]',
      async (requestResponseInformation) => {
        const client = await over.open(MQTT_5);
        const wishes = requestResponseInformation === undefined ? {} : { requestResponseInformation };
        client.sendConnect({ clientId: newClientId(), properties: wishes });
        const connack = await client.nextBytes();
        const told = connack.subarray(5);
        expect(told).toHaveLength(connack.readUInt8(4));
        expect(connack.readUInt8(3)).toBe(0);
        const [maximumQoS, retainAvailable, responseInformation, method] = [0x24, 0x25, 0x1a, 0x15];
        for (const id of [maximumQoS, retainAvailable, responseInformation, method]) {
          expect(hasProperty(told, id)).toBe(false);
        }
      },
    );
  });

  describe('a connection without a will', () => {
    it.each(VERSIONS)('that is lost publishes none [3.1.1 MQTT-3.1.2-12]: $version', async (version) => {
      const clientId = newClientId();
      const witness = await over.connected(version);
      const client = await over.connected(version, { clientId });
      await subscribe(witness, { topic: `${clientId}/#`, qos: 0 });
      client.destroy();
      await client.closed();
      // The end of the first connection is settled when its client is back.
      await over.connected(version, { clientId });
      await expectNothing(witness);
    });
  });

  it('a will that could not be published is refused [5.0 MQTT-3.1.4-2]', async () => {
    const refusalOf = async (topic: string): Promise<number | undefined> => {
      const will = { topic, payload: 'gone', qos: 0 as const, retain: false };
      const { client, connack } = await over.connect(MQTT_5, { will });
      if (connack.reasonCode !== 0) await client.closed();
      return connack.reasonCode;
    };
    expect(await refusalOf('$SYS/broker')).toBe(REASON.notAuthorized);
    expect(await refusalOf('/'.repeat(8))).toBe(REASON.topicNameInvalid);
    expect(await refusalOf('/'.repeat(7))).toBe(0);
  });

  it('the user properties of a will keep their order [5.0 MQTT-3.1.3-10]', async () => {
    const clientId = newClientId();
    const pair = (name: string, value: string) => Buffer.concat([hex('26'), str(name), str(value)]);
    const inOrder = Buffer.concat([pair('b', '1'), pair('a', '2'), pair('b', '3'), pair('', '')]);
    const witness = await over.connected(MQTT_5);
    await subscribe(witness, { topic: clientId, qos: 0 });
    const client = await over.open(MQTT_5);
    const will = [properties(inOrder), str(clientId), str('gone')];
    client.send(packet(0x10, str('MQTT'), '05', '06', '0000', '00', str(clientId), ...will));
    await client.expect('connack');
    client.destroy();
    const published = await witness.nextBytes();
    const expected = Buffer.concat([properties(inOrder), Buffer.from('gone')]);
    expect(published.subarray(-expected.length).toString('hex')).toBe(expected.toString('hex'));
  });
});
