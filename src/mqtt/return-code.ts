/** What MQTT 3.1 and 3.1.1 can say of a refusal, from the MQTT 5 reason that the broker decided on. */
import { REASON } from './reason-code.ts';

/** CONNACK return codes (MQTT 3.1.1, table 3.1). */
const RETURN_CODE = {
  accepted: 0,
  unacceptableProtocolVersion: 1,
  identifierRejected: 2,
  serverUnavailable: 3,
  badUserNameOrPassword: 4,
  notAuthorized: 5,
} as const;

/** Every refusal that is not about the client's rights is the server's condition: 3, try again. */
export function connackReturnCode(reasonCode: number): number {
  switch (reasonCode) {
    case REASON.success:
      return RETURN_CODE.accepted;
    case REASON.unsupportedProtocolVersion:
      return RETURN_CODE.unacceptableProtocolVersion;
    case REASON.clientIdentifierNotValid:
      return RETURN_CODE.identifierRejected;
    case REASON.badUserNameOrPassword:
      return RETURN_CODE.badUserNameOrPassword;
    case REASON.notAuthorized:
    case REASON.banned:
    case REASON.badAuthenticationMethod:
    case REASON.malformedPacket:
    case REASON.protocolError:
    case REASON.topicNameInvalid:
    case REASON.packetTooLarge:
    case REASON.qosNotSupported:
    case REASON.retainNotSupported:
    case REASON.payloadFormatInvalid:
      return RETURN_CODE.notAuthorized;
    default:
      return RETURN_CODE.serverUnavailable;
  }
}

/** SUBACK of 3.1.1 knows one failure [MQTT-3.9.3-2]; 3.1 knows none, and its clients get the same. */
export function subackReturnCode(reasonCode: number): number {
  return reasonCode >= 0x80 ? 0x80 : reasonCode;
}
