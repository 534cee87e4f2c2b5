/** CONNECT, checked by `check-connect.ts`, decoded by mqtt-packet, in the words of `packets.ts`. Owns its bytes. */
import type { IConnectPacket } from 'mqtt-packet';
import { checkConnect } from './check-connect.ts';
import type { ConnectPacket, WillPacket } from './packets.ts';
import { parseChecked } from './reference-parser.ts';

/** What receive maximum means when it is absent (MQTT 5.0, 3.1.2.11.3). */
const RECEIVE_MAXIMUM_DEFAULT = 65_535;

/** `frame` is one whole CONNECT; its body begins at `bodyOffset`. Throws `ProtocolViolation`. */
export function decodeConnect(frame: Buffer, bodyOffset: number): ConnectPacket {
  const { level, frame: readable, userProperties, willProperties } = checkConnect(frame, bodyOffset);
  const parsed = parseChecked(readable, level, 'connect');
  const properties = parsed.properties;
  return {
    type: 'connect',
    level,
    clientId: parsed.clientId,
    cleanStart: parsed.clean ?? false,
    keepAliveS: parsed.keepalive ?? 0,
    userName: parsed.username,
    password: copied(parsed.password),
    will: decodeWill(parsed.will, willProperties),
    sessionExpiryS: properties?.sessionExpiryInterval,
    receiveMaximum: properties?.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT,
    maximumPacketSize: properties?.maximumPacketSize,
    topicAliasMaximum: properties?.topicAliasMaximum ?? 0,
    requestResponseInformation: properties?.requestResponseInformation ?? false,
    requestProblemInformation: properties?.requestProblemInformation ?? true,
    userProperties,
    authenticationMethod: properties?.authenticationMethod,
    authenticationData: copied(properties?.authenticationData),
  };
}

function decodeWill(will: IConnectPacket['will'], properties: Buffer | undefined): WillPacket | undefined {
  if (will === undefined || properties === undefined) return undefined;
  return {
    topic: will.topic,
    payload: Buffer.from(will.payload),
    qos: will.qos ?? 0,
    retain: will.retain ?? false,
    delayS: will.properties?.willDelayInterval ?? 0,
    messageExpiryS: will.properties?.messageExpiryInterval,
    properties: Buffer.from(properties),
  };
}

/** What mqtt-packet returns are views into the frame, and a CONNECT outlives its frame. */
function copied(bytes: Buffer | undefined): Buffer | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes);
}
