/**
 * What the broker sends besides PUBLISH and acknowledgements, encoded by mqtt-packet. These packets are rare and
 * small, so each is a buffer of its own. Optional texts give way to the client's maximum packet size.
 */
import { generate } from 'mqtt-packet';
import type { IConnackPacket, Packet } from 'mqtt-packet';
import type { ConnackProperties, ProtocolLevel, ServerPacket, UserProperties } from './packets.ts';
import { connackReason, disconnectReason } from './permitted-reason.ts';
import { REASON } from './reason-code.ts';
import { connackReturnCode, subackReturnCode } from './return-code.ts';

/** What the client asked of packets to it. */
export interface EncodeOptions {
  readonly level: ProtocolLevel;
  /** Bytes; undefined: no limit. */
  readonly maximumPacketSize: number | undefined;
  /** False: no reason strings or user properties outside CONNACK and DISCONNECT [MQTT-3.1.2-29]. */
  readonly problemInformation: boolean;
}

/** A reason string may quote a client's own text, which can be longer than a property may be. */
const REASON_STRING_CHARACTERS_MAX = 512;

const NOTHING = Buffer.alloc(0);

/**
 * The packet's bytes. Empty when there is nothing this client may be sent: DISCONNECT and AUTH on 3.x, and packets
 * that exceed its maximum even without reason string and user properties [MQTT-3.1.2-24].
 */
export function encodePacket(packet: ServerPacket, options: EncodeOptions): Buffer {
  const { level, maximumPacketSize = Infinity } = options;
  if (level !== 5 && (packet.type === 'disconnect' || packet.type === 'auth')) return NOTHING;
  const explain = options.problemInformation || packet.type === 'connack' || packet.type === 'disconnect';
  const full = encode(packet, level, explain);
  if (full.length <= maximumPacketSize) return full;
  const bare = encode(packet, level, false);
  return bare.length <= maximumPacketSize ? bare : NOTHING;
}

function encode(packet: ServerPacket, level: ProtocolLevel, explain: boolean): Buffer {
  return generate(toReference(packet, level, explain), { protocolVersion: level });
}

function toReference(packet: ServerPacket, level: ProtocolLevel, explain: boolean): Packet {
  switch (packet.type) {
    case 'connack':
      return {
        cmd: 'connack',
        // [MQTT-3.2.2-6]; 3.1 has no such flag
        sessionPresent: packet.sessionPresent && packet.reasonCode === REASON.success && level !== 3,
        reasonCode: connackReason(packet.reasonCode),
        returnCode: connackReturnCode(packet.reasonCode),
        properties: connackProperties(packet.properties ?? {}, explain),
      };
    case 'suback': {
      const granted = level === 5 ? packet.reasonCodes : packet.reasonCodes.map(subackReturnCode);
      const properties = reason(packet.reasonString, explain);
      return { cmd: 'suback', messageId: packet.packetId, granted: [...granted], properties };
    }
    case 'unsuback': {
      const properties = reason(packet.reasonString, explain);
      return { cmd: 'unsuback', messageId: packet.packetId, granted: [...packet.reasonCodes], properties };
    }
    case 'disconnect': {
      const { serverReference } = packet;
      const properties = {
        ...reason(packet.reasonString, explain),
        ...(serverReference === undefined ? {} : { serverReference }),
      };
      return { cmd: 'disconnect', reasonCode: disconnectReason(packet.reasonCode), properties };
    }
    case 'auth': {
      const { authenticationMethod, authenticationData } = packet;
      const properties = {
        authenticationMethod,
        ...(authenticationData === undefined ? {} : { authenticationData }),
        ...reason(packet.reasonString, explain),
      };
      return { cmd: 'auth', reasonCode: packet.reasonCode, properties };
    }
    case 'pingresp':
      return { cmd: 'pingresp' };
  }
}

function reason(reasonString: string | undefined, explain: boolean): { reasonString?: string } {
  if (!explain || reasonString === undefined) return {};
  return { reasonString: reasonString.slice(0, REASON_STRING_CHARACTERS_MAX) };
}

type ReferenceConnackProperties = NonNullable<IConnackPacket['properties']>;

/** The same properties under mqtt-packet's names; the names that differ are the ones spelled out. */
function connackProperties(properties: ConnackProperties, explain: boolean): ReferenceConnackProperties {
  const { sessionExpiryS, assignedClientId, serverKeepAliveS, reasonString, userProperties, ...alike } =
    properties;
  return {
    ...alike,
    ...(sessionExpiryS === undefined ? {} : { sessionExpiryInterval: sessionExpiryS }),
    ...(assignedClientId === undefined ? {} : { assignedClientIdentifier: assignedClientId }),
    ...(serverKeepAliveS === undefined ? {} : { serverKeepAlive: serverKeepAliveS }),
    ...reason(reasonString, explain),
    ...(explain && userProperties !== undefined && userProperties.length > 0
      ? { userProperties: grouped(userProperties) }
      : {}),
  };
}

/** mqtt-packet wants repeated names as one entry. */
function grouped(userProperties: UserProperties): Record<string, string[]> {
  const byName = new Map<string, string[]>();
  for (const [name, value] of userProperties) {
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [value]);
    else values.push(value);
  }
  return Object.fromEntries(byName);
}
