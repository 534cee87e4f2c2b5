import { describe, expect, it } from 'vitest';
import { encodeAck } from '../../../src/mqtt/encode-ack.ts';
import { encodePacket } from '../../../src/mqtt/encode-packet.ts';
import type { EncodeOptions } from '../../../src/mqtt/encode-packet.ts';
import type { ProtocolLevel, ServerPacket } from '../../../src/mqtt/packets.ts';
import { REASON, type ReasonName } from '../../../src/mqtt/reason-code.ts';
import { GrowingSink } from '../../packets/growing-sink.ts';
import { hex, packet, properties, str } from '../../packets/wire.ts';

function encode(
  packetToSend: ServerPacket,
  level: ProtocolLevel,
  options: Partial<EncodeOptions> = {},
): Buffer {
  return encodePacket(packetToSend, {
    level,
    maximumPacketSize: undefined,
    problemInformation: true,
    ...options,
  });
}

describe('encodePacket', () => {
  it.each([
    ['success', 0],
    ['unsupportedProtocolVersion', 1],
    ['clientIdentifierNotValid', 2],
    ['serverUnavailable', 3],
    ['serverBusy', 3],
    ['quotaExceeded', 3],
    ['connectionRateExceeded', 3],
    ['serverShuttingDown', 3],
    ['badUserNameOrPassword', 4],
    ['notAuthorized', 5],
    ['banned', 5],
  ] as const)('answers %s with return code %i before MQTT 5', (reason, returnCode) => {
    const connack: ServerPacket = { type: 'connack', sessionPresent: false, reasonCode: REASON[reason] };
    for (const level of [3, 4] as const)
      expect(encode(connack, level)).toEqual(hex(`20 02 00 0${returnCode}`));
  });

  it('says session present only with success [MQTT-3.2.2-6], and not on 3.1', () => {
    const present: ServerPacket = { type: 'connack', sessionPresent: true, reasonCode: REASON.success };
    expect(encode(present, 4)).toEqual(hex('20 02 01 00'));
    expect(encode(present, 5)).toEqual(hex('20 03 01 00 00'));
    expect(encode(present, 3)).toEqual(hex('20 02 00 00'));
    expect(encode({ ...present, reasonCode: REASON.notAuthorized }, 5)).toEqual(hex('20 03 00 87 00'));
  });

  it('sends no reason that CONNACK or DISCONNECT may not carry, but the nearest one', () => {
    const inConnack = hex('00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f');
    const inDisconnect = hex(
      '00 80 81 82 83 87 89 8b 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2',
    );
    const sent = (name: ReasonName) => {
      const reasonCode = REASON[name];
      const connack = encode({ type: 'connack', sessionPresent: false, reasonCode }, 5)[3] ?? -1;
      const disconnect = encode({ type: 'disconnect', reasonCode }, 5)[2] ?? -1;
      return { reasonCode, connack, disconnect };
    };
    for (const name of Object.keys(REASON) as ReasonName[]) {
      const { reasonCode, connack, disconnect } = sent(name);
      if (inConnack.includes(reasonCode)) expect(connack).toBe(reasonCode);
      else expect(inConnack.includes(connack)).toBe(true);
      if (inDisconnect.includes(reasonCode)) expect(disconnect).toBe(reasonCode);
      else expect(inDisconnect.includes(disconnect)).toBe(true);
    }
    expect(sent('serverUnavailable').disconnect).toBe(REASON.serverBusy);
    expect(sent('badUserNameOrPassword').disconnect).toBe(REASON.notAuthorized);
    expect(sent('topicFilterInvalid').connack).toBe(REASON.protocolError);
    expect(sent('serverShuttingDown').connack).toBe(REASON.serverUnavailable);
  });

  it('encodes every property of CONNACK', () => {
    const bytes = encode(
      {
        type: 'connack',
        sessionPresent: false,
        reasonCode: REASON.success,
        properties: {
          receiveMaximum: 10,
          maximumQoS: 1,
          retainAvailable: false,
          maximumPacketSize: 1024,
          topicAliasMaximum: 7,
          wildcardSubscriptionAvailable: true,
          subscriptionIdentifiersAvailable: true,
          sharedSubscriptionAvailable: true,
          responseInformation: 'r',
          serverReference: 's',
          authenticationMethod: 'm',
          authenticationData: hex('01'),
          sessionExpiryS: 60,
          assignedClientId: 'id',
          serverKeepAliveS: 30,
          reasonString: 'why',
          userProperties: [
            ['__proto__', '1'],
            ['__proto__', ''],
          ],
        },
      },
      5,
    );
    const expected = packet(
      0x20,
      '00 00',
      properties(
        '21 000a 24 01 25 00 27 00000400 22 0007 28 01 29 01 2a 01',
        '1a 0001 72 1c 0001 73 15 0001 6d 16 0001 01',
        '11 0000003c 12 0002 6964 13 001e',
        hex('1f'),
        str('why'),
        hex('26'),
        str('__proto__'),
        str('1'),
        hex('26'),
        str('__proto__'),
        str(''),
      ),
    );
    expect(bytes).toEqual(expected);
  });

  it('lowers SUBACK reasons to 0x80 before MQTT 5', () => {
    const suback: ServerPacket = {
      type: 'suback',
      packetId: 10,
      reasonCodes: [0, 1, 2, REASON.notAuthorized],
    };
    for (const level of [3, 4] as const) expect(encode(suback, level)).toEqual(hex('90 06 000a 00 01 02 80'));
    expect(encode(suback, 5)).toEqual(hex('90 07 000a 00 00 01 02 87'));
  });

  it('gives UNSUBACK its reasons on MQTT 5 only', () => {
    const unsuback: ServerPacket = {
      type: 'unsuback',
      packetId: 10,
      reasonCodes: [0, 0x11],
      reasonString: 'no',
    };
    expect(encode(unsuback, 4)).toEqual(hex('b0 02 000a'));
    expect(encode(unsuback, 5)).toEqual(packet(0xb0, '000a', properties(hex('1f'), str('no')), '00 11'));
  });

  it('sends nothing where the protocol level has no such packet', () => {
    for (const level of [3, 4] as const) {
      expect(encode({ type: 'disconnect', reasonCode: REASON.serverBusy }, level)).toHaveLength(0);
      expect(
        encode({ type: 'auth', reasonCode: REASON.continueAuthentication, authenticationMethod: 'm' }, level),
      ).toHaveLength(0);
    }
  });

  it('encodes DISCONNECT, AUTH and PINGRESP', () => {
    expect(
      encode(
        { type: 'disconnect', reasonCode: REASON.serverMoved, reasonString: 'moved', serverReference: 'b2' },
        5,
      ),
    ).toEqual(packet(0xe0, '9d', properties(hex('1f'), str('moved'), hex('1c'), str('b2'))));
    expect(
      encode(
        {
          type: 'auth',
          reasonCode: REASON.success,
          authenticationMethod: 'm',
          authenticationData: hex('00ff'),
        },
        5,
      ),
    ).toEqual(packet(0xf0, '00', properties(hex('15'), str('m'), hex('16 0002 00ff'))));
    for (const level of [3, 4, 5] as const) expect(encode({ type: 'pingresp' }, level)).toEqual(hex('d0 00'));
  });

  it('leaves the reason string out when it would exceed the maximum packet size [MQTT-3.1.2-24]', () => {
    const disconnect: ServerPacket = {
      type: 'disconnect',
      reasonCode: REASON.serverBusy,
      reasonString: 'busy',
    };
    const full = encode(disconnect, 5);
    expect(encode(disconnect, 5, { maximumPacketSize: full.length })).toEqual(full);
    expect(encode(disconnect, 5, { maximumPacketSize: full.length - 1 })).toEqual(hex('e0 02 89 00'));
    expect(encode(disconnect, 5, { maximumPacketSize: 3 })).toHaveLength(0);
  });

  it('gives no reason string to a client that asked for none, but in CONNACK and DISCONNECT [MQTT-3.1.2-29]', () => {
    const quiet = { problemInformation: false };
    const reasonString = 'x';
    const suback: ServerPacket = { type: 'suback', packetId: 1, reasonCodes: [0x87], reasonString };
    const disconnect: ServerPacket = { type: 'disconnect', reasonCode: REASON.serverBusy, reasonString };
    expect(encode(suback, 5, quiet)).toEqual(hex('90 04 0001 00 87'));
    expect(encode(disconnect, 5, quiet)).toEqual(encode(disconnect, 5));
  });

  it('cuts a reason string that is longer than a property may be', () => {
    const bytes = encode({ type: 'disconnect', reasonCode: 0x82, reasonString: 'x'.repeat(70_000) }, 5);
    expect(bytes).toEqual(packet(0xe0, '82', properties(hex('1f'), str('x'.repeat(512)))));
  });
});

describe('encodeAck', () => {
  it.each([
    ['puback', 4, 0, '40 02 abcd'],
    ['pubrec', 4, 0x97, '50 02 abcd'],
    ['pubrel', 3, 0, '62 02 abcd'],
    ['pubcomp', 5, 0, '70 02 abcd'],
    ['pubrec', 5, 0x97, '50 03 abcd 97'],
    ['pubrel', 5, 0x92, '62 03 abcd 92'],
  ] as const)('encodes %s on level %i with reason %i', (type, level, reasonCode, bytes) => {
    const writer = new GrowingSink();
    encodeAck(writer, level, type, 0xabcd, reasonCode);
    encodeAck(writer, 4, 'puback', 1, 0);
    expect(writer.written).toEqual(Buffer.concat([hex(bytes), hex('40 02 0001')]));
  });
});
