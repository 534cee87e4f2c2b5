/** MQTT 5 reason codes (MQTT 5.0, section 2.4), the vocabulary for every refusal on every protocol level. */
import type { ProtocolLevel } from './packets.ts';

export const REASON = {
  success: 0x00,
  grantedQoS1: 0x01,
  grantedQoS2: 0x02,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const;

export type ReasonName = keyof typeof REASON;
export type ReasonCode = (typeof REASON)[ReasonName];

const names = new Map<number, ReasonName>(
  Object.entries(REASON).map(([name, code]) => [code, name as ReasonName]),
);

/** `sessionTakenOver` for 0x8e; the number in hexadecimal when the standard has no such code. */
export function reasonName(code: number): string {
  return names.get(code) ?? `0x${code.toString(16).padStart(2, '0')}`;
}

/** Thrown by codec and handlers when a client breaks the protocol; ends in DISCONNECT (MQTT 5) or a close. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
  readonly reasonCode: ReasonCode;
  /** Of a CONNECT whose level could be read before it was refused: the format its CONNACK has to have. */
  readonly connectLevel: ProtocolLevel | undefined;

  /** `detail` says what was wrong and where; it reaches the log and, on MQTT 5, the reason string. */
  constructor(reasonCode: ReasonCode, detail: string, connectLevel?: ProtocolLevel) {
    super(detail);
    this.reasonCode = reasonCode;
    this.connectLevel = connectLevel;
  }
}
