/**
 * Every packet of the table, sent to a running broker over every transport: what is good is served, and what breaks the
 * protocol ends the connection, with a reason if the version has words for it. Nobody else notices.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON, type ReasonName } from '../../src/mqtt/reason-code.ts';
import { expectNothing, publishPacket, subscribe, take } from '../integration/support/exchanges.ts';
import { MQTT_3_1, MQTT_3_1_1, MQTT_5, newClientId, type Version } from '../integration/support/versions.ts';
import { PACKET_TABLE, type PacketCase } from '../packets/packet-table.ts';
import { hex, packet, str } from '../packets/wire.ts';
import type { RawClient } from '../support/raw-client.ts';
import { overEveryTransport } from './support/every-transport.ts';

interface RefusedCase extends PacketCase {
  readonly expected: ReasonName;
}

const REFUSED = PACKET_TABLE.filter((each): each is RefusedCase => typeof each.expected === 'string');
const ACCEPTED = PACKET_TABLE.filter(({ expected }) => typeof expected !== 'string');

const isFirst = ({ level }: PacketCase): boolean => level === undefined;
const isLater = ({ level }: PacketCase): boolean => level !== undefined;

const TYPE = { disconnect: 14, auth: 15 };
/** These end a connection, or belong to an exchange that is not there. */
const leavesConnectionOpen = ({ bytes, expected }: PacketCase): boolean => {
  const type = bytes.readUInt8(0) >> 4;
  const isUnknownAlias = typeof expected !== 'string' && expected['topic'] === '';
  return type !== TYPE.disconnect && type !== TYPE.auth && !isUnknownAlias;
};

/** MQTT 3.1.1, table 3.1. */
const UNACCEPTABLE_PROTOCOL_VERSION = 1;

function versionOf({ level, bytes }: PacketCase): Version {
  const first = bytes.subarray(2);
  if (level === 5 || first.subarray(0, 7).equals(hex('0004 4d515454 05'))) return MQTT_5;
  if (level === 3 || first.subarray(0, 9).equals(hex('0006 4d5149736470 03'))) return MQTT_3_1;
  return MQTT_3_1_1;
}

/** Nothing follows, and the broker closes. */
async function expectEnd(client: RawClient): Promise<void> {
  await client.closed();
  await expect(client.next()).rejects.toThrow('closed');
}

overEveryTransport({}, (over) => {
  let bystander: RawClient;
  const bystandersTopic = newClientId('bystander');

  beforeAll(async () => {
    bystander = await over.connected(MQTT_5);
    await subscribe(bystander, { topic: bystandersTopic, qos: 1 });
  });

  afterAll(async () => {
    bystander.send(publishPacket({ topic: bystandersTopic }));
    expect((await take(bystander)).topic).toBe(bystandersTopic);
    await expectNothing(bystander);
  });

  describe('a first packet that is refused [3.1.1 MQTT-3.1.4-1, MQTT-3.2.2-6, MQTT-4.8.0-1] [5.0 MQTT-3.1.4-1, MQTT-4.13.1-1]', () => {
    for (const refused of REFUSED.filter(isFirst)) {
      it(`${refused.name}: ${refused.expected}`, async () => {
        const version = versionOf(refused);
        const client = await over.open(version);
        client.send(refused.bytes);
        if (refused.expected === 'unsupportedProtocolVersion') {
          const returnCode = UNACCEPTABLE_PROTOCOL_VERSION;
          expect(await client.next()).toMatchObject({ cmd: 'connack', sessionPresent: false, returnCode });
        } else if (version === MQTT_5) {
          const reasonCode = REASON[refused.expected];
          expect(await client.next()).toMatchObject({ cmd: 'connack', sessionPresent: false, reasonCode });
        }
        await expectEnd(client);
      });
    }
  });

  describe('a packet that is refused [3.1.1 MQTT-4.8.0-1] [5.0 MQTT-4.13.1-1, MQTT-4.13.2-1, MQTT-3.14.4-1, MQTT-3.14.4-2]', () => {
    for (const refused of REFUSED.filter(isLater)) {
      it(`${refused.name}: ${refused.expected}`, async () => {
        const client = await over.connected(versionOf(refused));
        client.send(refused.bytes, { cmd: 'pingreq' });
        if (refused.level === 5) {
          const reasonCode = REASON[refused.expected];
          expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode });
        }
        await expectEnd(client);
      });
    }
  });

  describe('a first packet that is read is answered with CONNACK', () => {
    for (const accepted of ACCEPTED.filter(isFirst)) {
      it(accepted.name, async () => {
        const client = await over.open(versionOf(accepted));
        client.send(accepted.bytes);
        await client.expect('connack');
      });
    }
  });

  describe('a packet that is accepted leaves the connection open', () => {
    for (const accepted of ACCEPTED.filter(isLater).filter(leavesConnectionOpen)) {
      it(accepted.name, async () => {
        const client = await over.connected(versionOf(accepted));
        client.send(accepted.bytes);
        await client.roundTrip();
        expect(client.isClosed).toBe(false);
      });
    }
  });

  it('what came before a broken packet takes effect, and nothing behind it', async () => {
    const [witness, client] = [await over.connected(MQTT_5), await over.connected(MQTT_5)];
    const topic = newClientId('effect');
    await subscribe(witness, { topic, qos: 0 });
    const good = packet(0x30, str(topic), '00', Buffer.from('before'));
    const behind = packet(0x30, str(topic), '00', Buffer.from('behind'));
    client.send(good, hex('c1 00'), behind);
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.malformedPacket });
    await expectEnd(client);
    expect((await take(witness)).payload.toString()).toBe('before');
    await expectNothing(witness);
  });

  it.each([MQTT_3_1, MQTT_3_1_1, MQTT_5])(
    'a packet larger than allowed is refused by its header [5.0 MQTT-3.2.2-15]: $version',
    async (version) => {
      const client = await over.connected(version);
      client.send(hex('30 ffffff7f'));
      if (version === MQTT_5) {
        expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.packetTooLarge });
      }
      await expectEnd(client);
    },
  );

  it('a first packet larger than allowed is refused by its header', async () => {
    const client = await over.open(MQTT_5);
    client.send(hex('10 ffffff7f'));
    await expectEnd(client);
  });

  it.each(['30 ffffffff 01', '30 8000', '30 ffffff00'])(
    'a remaining length of more bytes than it needs, or of five, is malformed [5.0 MQTT-1.5.5-1]: %s',
    async (bytes) => {
      const client = await over.connected(MQTT_5);
      client.send(hex(bytes));
      expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.malformedPacket });
      await expectEnd(client);
    },
  );
});
