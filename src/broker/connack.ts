/** What CONNACK tells an MQTT 5 client about this broker, and the values both sides then keep to. Pure. */
import { encodePacket } from '../mqtt/encode-packet.ts';
import type { ConnackProperties, ConnectPacket } from '../mqtt/packets.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { NEVER_EXPIRES_S } from '../session/events.ts';
import type { ClientId } from '../tenancy/identity.ts';
import type { BrokerLimits } from './limits.ts';

/** A maximum of this is none: it is all that CONNECT can ask for. */
const KEEP_ALIVE_UNLIMITED_S = 65_535;

/** The client's keep alive, lowered to the broker's maximum; 0 (none) becomes the maximum when there is one. */
export function effectiveKeepAliveS(packet: ConnectPacket, limits: BrokerLimits): number {
  // MQTT 3 clients cannot be told a lower value, so theirs stands.
  if (packet.level < 5 || limits.keepAliveMaxS >= KEEP_ALIVE_UNLIMITED_S) return packet.keepAliveS;
  return packet.keepAliveS === 0 ? limits.keepAliveMaxS : Math.min(packet.keepAliveS, limits.keepAliveMaxS);
}

/** Seconds the session outlives its connection; see `SessionState.sessionExpiryS`. */
export function effectiveSessionExpiryS(packet: ConnectPacket, limits: BrokerLimits): number {
  if (packet.level < 5) return packet.cleanStart ? 0 : cappedExpiryS(NEVER_EXPIRES_S, limits);
  return cappedExpiryS(packet.sessionExpiryS ?? 0, limits);
}

/** `sessionExpiryMaxS` of NEVER_EXPIRES_S lets sessions live for ever. */
export function cappedExpiryS(requestedS: number, limits: BrokerLimits): number {
  return Math.min(requestedS, limits.sessionExpiryMaxS);
}

/** What comes from elsewhere than CONNECT and the limits. */
export interface ToldInConnack {
  /** Last data of the server in an enhanced exchange. */
  readonly authenticationData: Buffer | undefined;
  /** See `BrokerServices.responseInformation`, for this client; undefined: none. */
  readonly responseInformation: string | undefined;
}

export function connackProperties(
  packet: ConnectPacket,
  clientId: ClientId,
  limits: BrokerLimits,
  told: ToldInConnack,
): ConnackProperties {
  const { authenticationData, responseInformation } = told;
  const keepAliveS = effectiveKeepAliveS(packet, limits);
  const expiryS = effectiveSessionExpiryS(packet, limits);
  return {
    receiveMaximum: limits.receiveMaximum,
    maximumPacketSize: limits.packetBytesMax,
    topicAliasMaximum: limits.topicAliasMaximum,
    ...(packet.clientId === '' ? { assignedClientId: clientId } : {}), // [MQTT-3.2.2-16]
    ...(keepAliveS === packet.keepAliveS ? {} : { serverKeepAliveS: keepAliveS }), // [MQTT-3.2.2-21]
    ...(expiryS === (packet.sessionExpiryS ?? 0) ? {} : { sessionExpiryS: expiryS }),
    ...(packet.authenticationMethod === undefined
      ? {}
      : { authenticationMethod: packet.authenticationMethod }),
    ...(authenticationData === undefined ? {} : { authenticationData }),
    // [MQTT-3.1.2-28]
    ...(responseInformation === undefined || !packet.requestResponseInformation
      ? {}
      : { responseInformation }),
  };
}

/** Whether the client can be sent the CONNACK that lets it in. */
export function connackFits(packet: ConnectPacket, properties: ConnackProperties): boolean {
  const { level, maximumPacketSize } = packet;
  if (maximumPacketSize === undefined) return true;
  const connack = {
    type: 'connack',
    sessionPresent: false,
    reasonCode: REASON.success,
    properties,
  } as const;
  return encodePacket(connack, { level, maximumPacketSize, problemInformation: true }).length > 0;
}
