/** Where MQTT 3.1 differs from 3.1.1, over every transport. That standard numbers no statements. */
import { describe, expect, it } from 'vitest';
import { expectNothing, publish, subscribe, take } from '../integration/support/exchanges.ts';
import { MQTT_3_1, newClientId } from '../integration/support/versions.ts';
import { hex, packet, str } from '../packets/wire.ts';
import { overEveryTransport } from './support/every-transport.ts';

const TOPIC_LEVELS_MAX = 8;
const [CLEAN, USER_NAME, PASSWORD] = [0x02, 0x80, 0x40];

/** CONNECT of MQTT 3.1 by hand. */
function connect(name: string, level: number, flags: number, ...payload: readonly string[]): Buffer {
  const head = [str(name), Buffer.from([level, flags]), hex('0000')];
  return packet(0x10, ...head, ...payload.map((field) => str(field)));
}

overEveryTransport({ limits: { topicLevelsMax: TOPIC_LEVELS_MAX } }, (over) => {
  const answerTo = async (bytes: Buffer): Promise<string> => {
    const client = await over.open(MQTT_3_1);
    client.send(bytes);
    return (await client.nextBytes()).toString('hex');
  };

  describe('CONNECT', () => {
    it('names the protocol MQIsdp at level 3, and neither without the other', async () => {
      expect(await answerTo(connect('MQIsdp', 3, CLEAN, newClientId()))).toBe('20020000');
      for (const [name, level] of [
        ['MQTT', 3],
        ['MQIsdp', 4],
        ['MQIsdp', 5],
        ['mqisdp', 3],
      ] as const) {
        expect(await answerTo(connect(name, level, CLEAN, newClientId()))).toBe('20020001');
      }
    });

    it.each([1, 23, 24, 200])('has a client identifier, of %i bytes', async (bytes) => {
      const clientId = newClientId('c').padEnd(bytes, 'x').slice(0, bytes);
      expect(await answerTo(connect('MQIsdp', 3, CLEAN, clientId))).toBe('20020000');
    });

    it('without a client identifier is rejected, clean session or not', async () => {
      expect(await answerTo(connect('MQIsdp', 3, CLEAN, ''))).toBe('20020002');
      expect(await answerTo(connect('MQIsdp', 3, 0, ''))).toBe('20020002');
    });

    it('may have the flags of a user name and a password without the fields', async () => {
      const [both, onlyName] = [CLEAN | USER_NAME | PASSWORD, CLEAN | USER_NAME];
      expect(await answerTo(connect('MQIsdp', 3, onlyName, newClientId()))).toBe('20020000');
      expect(await answerTo(connect('MQIsdp', 3, both, newClientId()))).toBe('20020000');
      expect(await answerTo(connect('MQIsdp', 3, both, newClientId(), 'bike'))).toBe('20020000');
      expect(await answerTo(connect('MQIsdp', 3, both, newClientId(), 'bike', 'secret'))).toBe('20020000');
    });
  });

  it('CONNACK never says that a session is present', async () => {
    const bytes = connect('MQIsdp', 3, 0, newClientId());
    expect(await answerTo(bytes)).toBe('20020000');
    expect(await answerTo(bytes)).toBe('20020000');
  });

  it('SUBACK says 0x80 for a filter that is refused, as in 3.1.1', async () => {
    const client = await over.connected(MQTT_3_1);
    client.send(packet(0x82, '0007', str('a'), '01', str('/'.repeat(TOPIC_LEVELS_MAX)), '01'));
    expect((await client.nextBytes()).toString('hex')).toBe('900400070180');
  });

  it('SUBSCRIBE, UNSUBSCRIBE and PUBREL may carry DUP', async () => {
    const topic = newClientId('dup');
    const client = await over.connected(MQTT_3_1);
    client.send(packet(0x8a, '0007', str(topic), '01'));
    expect((await client.nextBytes()).toString('hex')).toBe('9003000701');
    await publish(await over.connected(MQTT_3_1), { topic, qos: 1 });
    expect((await take(client)).topic).toBe(topic);
    client.send(packet(0x34, str('elsewhere'), '0009'));
    await client.expect('pubrec');
    client.send(hex('6a020009'));
    expect(await client.expect('pubcomp')).toMatchObject({ messageId: 9 });
    client.send(packet(0xaa, '0008', str(topic)));
    expect((await client.nextBytes()).toString('hex')).toBe('b0020008');
    await publish(await over.connected(MQTT_3_1), { topic, qos: 1 });
    await expectNothing(client);
  });

  it('a subscription is granted what it asked for', async () => {
    const client = await over.connected(MQTT_3_1);
    expect(await subscribe(client, { topic: newClientId('granted'), qos: 2 })).toEqual([2]);
  });
});
