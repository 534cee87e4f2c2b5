/**
 * Which reason codes CONNACK and DISCONNECT of a server may carry (MQTT 5.0, 3.2.2.2 and 3.14.2.1), and the nearest of
 * those for one that a packet may not.
 */
import { REASON, type ReasonCode } from './reason-code.ts';

const CONNACK_REASONS: ReadonlySet<ReasonCode> = new Set([
  REASON.success,
  REASON.unspecifiedError,
  REASON.malformedPacket,
  REASON.protocolError,
  REASON.implementationSpecificError,
  REASON.unsupportedProtocolVersion,
  REASON.clientIdentifierNotValid,
  REASON.badUserNameOrPassword,
  REASON.notAuthorized,
  REASON.serverUnavailable,
  REASON.serverBusy,
  REASON.banned,
  REASON.badAuthenticationMethod,
  REASON.topicNameInvalid,
  REASON.packetTooLarge,
  REASON.quotaExceeded,
  REASON.payloadFormatInvalid,
  REASON.retainNotSupported,
  REASON.qosNotSupported,
  REASON.useAnotherServer,
  REASON.serverMoved,
  REASON.connectionRateExceeded,
]);

const DISCONNECT_REASONS: ReadonlySet<ReasonCode> = new Set([
  REASON.success,
  REASON.unspecifiedError,
  REASON.malformedPacket,
  REASON.protocolError,
  REASON.implementationSpecificError,
  REASON.notAuthorized,
  REASON.serverBusy,
  REASON.serverShuttingDown,
  REASON.keepAliveTimeout,
  REASON.sessionTakenOver,
  REASON.topicFilterInvalid,
  REASON.topicNameInvalid,
  REASON.receiveMaximumExceeded,
  REASON.topicAliasInvalid,
  REASON.packetTooLarge,
  REASON.messageRateTooHigh,
  REASON.quotaExceeded,
  REASON.administrativeAction,
  REASON.payloadFormatInvalid,
  REASON.retainNotSupported,
  REASON.qosNotSupported,
  REASON.useAnotherServer,
  REASON.serverMoved,
  REASON.sharedSubscriptionsNotSupported,
  REASON.connectionRateExceeded,
  REASON.maximumConnectTime,
  REASON.subscriptionIdentifiersNotSupported,
  REASON.wildcardSubscriptionsNotSupported,
]);

/** [MQTT-3.2.2-8] */
export function connackReason(reasonCode: ReasonCode): ReasonCode {
  return CONNACK_REASONS.has(reasonCode) ? reasonCode : nearest(reasonCode, REASON.serverUnavailable);
}

/** [MQTT-3.14.2-1] */
export function disconnectReason(reasonCode: ReasonCode): ReasonCode {
  return DISCONNECT_REASONS.has(reasonCode) ? reasonCode : nearest(reasonCode, REASON.serverBusy);
}

/** `away`: what the packet calls a server that cannot serve now. */
function nearest(reasonCode: ReasonCode, away: ReasonCode): ReasonCode {
  switch (reasonCode) {
    case REASON.serverUnavailable:
    case REASON.serverShuttingDown:
      return away;
    case REASON.badUserNameOrPassword:
    case REASON.banned:
    case REASON.badAuthenticationMethod:
      return REASON.notAuthorized;
    case REASON.unsupportedProtocolVersion:
    case REASON.clientIdentifierNotValid:
    case REASON.topicFilterInvalid:
    case REASON.packetIdentifierInUse:
    case REASON.packetIdentifierNotFound:
    case REASON.receiveMaximumExceeded:
    case REASON.topicAliasInvalid:
      return REASON.protocolError;
    default:
      return REASON.unspecifiedError;
  }
}
