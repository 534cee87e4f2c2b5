/**
 * Control packets as the broker sees them: already checked, versions told apart only where behaviour differs.
 * The codec (`decode-packet.ts`, `encode-packet.ts`) is the only place that knows bytes.
 */
import type { QoS } from './qos.ts';
import type { ReasonCode } from './reason-code.ts';

/** Protocol level of CONNECT: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
export type ProtocolLevel = 3 | 4 | 5;

export type UserProperties = readonly (readonly [name: string, value: string])[];

export interface ConnectPacket {
  readonly type: 'connect';
  readonly level: ProtocolLevel;
  readonly clientId: string;
  readonly cleanStart: boolean;
  readonly keepAliveS: number;
  readonly userName: string | undefined;
  readonly password: Buffer | undefined;
  readonly will: WillPacket | undefined;
  /** MQTT 5 only; undefined: absent. On 3.x the session ends with the connection iff cleanStart. */
  readonly sessionExpiryS: number | undefined;
  /** 1 to 65,535; 65,535 when absent. */
  readonly receiveMaximum: number;
  /** Bytes; undefined: no limit. */
  readonly maximumPacketSize: number | undefined;
  /** 0: the client takes no aliases. */
  readonly topicAliasMaximum: number;
  readonly requestResponseInformation: boolean;
  readonly requestProblemInformation: boolean;
  readonly userProperties: UserProperties;
  readonly authenticationMethod: string | undefined;
  readonly authenticationData: Buffer | undefined;
}

export interface WillPacket {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  /** 0 when absent. */
  readonly delayS: number;
  readonly messageExpiryS: number | undefined;
  /** Forwardable properties in wire encoding, see `Message.properties`. */
  readonly properties: Buffer;
}

export interface PublishPacket {
  readonly type: 'publish';
  /** '' when only a topic alias was sent. */
  readonly topic: string;
  /** A view into the frame. */
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** 0 for QoS 0. */
  readonly packetId: number;
  /** 0: none. */
  readonly topicAlias: number;
  readonly messageExpiryS: number | undefined;
  /** Forwardable properties in wire encoding, see `Message.properties`. */
  readonly properties: Buffer;
}

export interface AckPacket {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';
  readonly packetId: number;
  /** 0 on 3.x and when absent. */
  readonly reasonCode: number;
}

export interface SubscribeRequest {
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

export interface SubscribePacket {
  readonly type: 'subscribe';
  readonly packetId: number;
  readonly requests: readonly SubscribeRequest[];
  readonly subscriptionId: number | undefined;
  readonly userProperties: UserProperties;
}

export interface UnsubscribePacket {
  readonly type: 'unsubscribe';
  readonly packetId: number;
  readonly filters: readonly string[];
  readonly userProperties: UserProperties;
}

export interface DisconnectPacket {
  readonly type: 'disconnect';
  readonly reasonCode: number;
  readonly sessionExpiryS: number | undefined;
}

export interface AuthPacket {
  readonly type: 'auth';
  readonly reasonCode: number;
  readonly authenticationMethod: string | undefined;
  readonly authenticationData: Buffer | undefined;
}

export interface PingreqPacket {
  readonly type: 'pingreq';
}

/** What a client may send. */
export type ClientPacket =
  | ConnectPacket
  | PublishPacket
  | AckPacket
  | SubscribePacket
  | UnsubscribePacket
  | DisconnectPacket
  | AuthPacket
  | PingreqPacket;

export interface ConnackPacket {
  readonly type: 'connack';
  readonly sessionPresent: boolean;
  /** MQTT 5 reason; the encoder translates it for 3.x (0x84 → 1, 0x85 → 2, 0x88 → 3, 0x86 → 4, 0x87 → 5 …). */
  readonly reasonCode: ReasonCode;
  readonly properties?: ConnackProperties;
}

/** Absent members are left out of the packet. Ignored on 3.x. */
export interface ConnackProperties {
  readonly sessionExpiryS?: number;
  readonly receiveMaximum?: number;
  readonly maximumQoS?: 0 | 1;
  readonly retainAvailable?: boolean;
  readonly maximumPacketSize?: number;
  readonly assignedClientId?: string;
  readonly topicAliasMaximum?: number;
  readonly reasonString?: string;
  readonly userProperties?: UserProperties;
  readonly wildcardSubscriptionAvailable?: boolean;
  readonly subscriptionIdentifiersAvailable?: boolean;
  readonly sharedSubscriptionAvailable?: boolean;
  readonly serverKeepAliveS?: number;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
}

export interface SubackPacket {
  readonly type: 'suback';
  readonly packetId: number;
  /** Granted QoS or a reason ≥ 0x80, one per request; the encoder lowers reasons to 0x80 on 3.1.1. */
  readonly reasonCodes: readonly number[];
  readonly reasonString?: string;
}

export interface UnsubackPacket {
  readonly type: 'unsuback';
  readonly packetId: number;
  readonly reasonCodes: readonly number[];
  readonly reasonString?: string;
}

export interface ServerDisconnectPacket {
  readonly type: 'disconnect';
  readonly reasonCode: ReasonCode;
  readonly reasonString?: string;
  readonly serverReference?: string;
}

export interface ServerAuthPacket {
  readonly type: 'auth';
  readonly reasonCode: ReasonCode;
  readonly authenticationMethod: string;
  readonly authenticationData?: Buffer;
  readonly reasonString?: string;
}

export interface PingrespPacket {
  readonly type: 'pingresp';
}

/** What the broker sends besides PUBLISH and the four acknowledgements, which have calls of their own. */
export type ServerPacket =
  ConnackPacket | SubackPacket | UnsubackPacket | ServerDisconnectPacket | ServerAuthPacket | PingrespPacket;
