/**
 * What breaks the protocol, sent to a running broker: it says why if the version has words for it, and nobody else
 * notices.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON, type ReasonName } from '../../src/mqtt/reason-code.ts';
import { PACKET_TABLE, type PacketCase } from '../packets/packet-table.ts';
import { hex, packet, str } from '../packets/wire.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { expectNothing, publish, subscribe, take } from './support/exchanges.ts';
import { newClientId } from './support/versions.ts';

interface RefusedCase extends Omit<PacketCase, 'expected'> {
  readonly expected: ReasonName;
}

const REFUSED = PACKET_TABLE.flatMap((each): RefusedCase[] => {
  const { expected } = each;
  return typeof expected === 'string' ? [{ ...each, expected }] : [];
});
const REFUSED_CONNECTS = REFUSED.filter(({ level }) => level === undefined);
const REFUSED_LATER = REFUSED.filter(({ level }) => level !== undefined);

const CONNECT_OF_MQTT_5 = hex('0004 4d515454 05');
/** MQTT 3.1.1, table 3.1. */
const UNACCEPTABLE_PROTOCOL_VERSION = 1;

let broker: RunningBroker;
let bystander: RawClient;

beforeAll(async () => {
  broker = await RunningBroker.start({ limits: { connectionRateMax: 100_000 } });
  ({ client: bystander } = await broker.connect({ level: 5 }, { clientId: 'bystander' }));
  await subscribe(bystander, { topic: 'bystander', qos: 1 });
});

afterAll(() => broker.dispose());

async function expectUndisturbed(): Promise<void> {
  await publish(bystander, { topic: 'elsewhere', qos: 1 });
  bystander.send({ cmd: 'publish', topic: 'bystander', payload: 'x', qos: 0, dup: false, retain: false });
  expect((await take(bystander)).topic).toBe('bystander');
}

function isConnectOfMqtt5(bytes: Buffer): boolean {
  return bytes[0] === 0x10 && bytes.subarray(2, 2 + CONNECT_OF_MQTT_5.length).equals(CONNECT_OF_MQTT_5);
}

describe('a CONNECT that is refused', () => {
  it.each(REFUSED_CONNECTS)('$name: $expected', async ({ bytes, expected }) => {
    const ofMqtt5 = isConnectOfMqtt5(bytes);
    const client = await broker.open({ level: ofMqtt5 ? 5 : 4 });
    client.send(bytes);
    if (expected === 'unsupportedProtocolVersion') {
      const returnCode = UNACCEPTABLE_PROTOCOL_VERSION;
      expect(await client.next()).toMatchObject({ cmd: 'connack', sessionPresent: false, returnCode });
    } else if (ofMqtt5) {
      expect(await client.next()).toMatchObject({ cmd: 'connack', reasonCode: REASON[expected] });
    }
    await client.closed();
    await expect(client.next()).rejects.toThrow('closed');
    await expectUndisturbed();
  });
});

describe('a packet that is refused', () => {
  it.each(REFUSED_LATER)('$name: $expected', async ({ level, bytes, expected }) => {
    const { client } = await broker.connect(level === undefined ? {} : { level }, {
      clientId: newClientId(),
    });
    client.send(bytes);
    if (level === 5) {
      expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON[expected] });
    }
    await client.closed();
    await expect(client.next()).rejects.toThrow('closed');
    await expectUndisturbed();
  });
});

describe('a broken packet', () => {
  it('lets what came before it take effect, and nothing behind it', async () => {
    const { client } = await broker.connect({ level: 5 }, { clientId: newClientId() });
    const good = packet(0x30, str('bystander'), '00', Buffer.from('before'));
    const behind = packet(0x30, str('bystander'), '00', Buffer.from('behind'));
    client.send(good, hex('c1 00'), behind);
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.malformedPacket });
    await client.closed();
    expect((await take(bystander)).payload.toString()).toBe('before');
    await expectNothing(bystander);
  });

  it.each([4, 5] as const)('larger than allowed is refused by its header, level %i', async (level) => {
    const { client } = await broker.connect({ level }, { clientId: newClientId() });
    client.send(hex('30 ffffff7f'));
    if (level === 5) {
      expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.packetTooLarge });
    }
    await client.closed();
    await expectUndisturbed();
  });

  it('of a length of five bytes is refused', async () => {
    const { client } = await broker.connect({ level: 5 }, { clientId: newClientId() });
    client.send(hex('30 ffffffff 01'));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.malformedPacket });
    await client.closed();
  });
});
