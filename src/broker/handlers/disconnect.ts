/** DISCONNECT from a client: forgets the will unless told otherwise, perhaps changes the session expiry. */
import type { DisconnectPacket } from '../../mqtt/packets.ts';
import { ProtocolViolation, REASON } from '../../mqtt/reason-code.ts';
import type { ActiveSession } from '../active-session.ts';
import { cappedExpiryS } from '../connack.ts';

export function handleDisconnect(session: ActiveSession, packet: DisconnectPacket): void {
  const { reasonCode, sessionExpiryS } = packet;
  if (session.sessionExpiryS === 0 && sessionExpiryS !== undefined && sessionExpiryS > 0) {
    // MQTT 5.0, 3.14.2.2.2
    throw new ProtocolViolation(REASON.protocolError, 'DISCONNECT raises a session expiry of 0');
  }
  const publishWill = reasonCode !== REASON.success; // [MQTT-3.14.4-3]
  session.end({
    reason: publishWill ? 'clientDisconnectWithWill' : 'clientDisconnect',
    publishWill,
    sessionExpiryS:
      sessionExpiryS === undefined ? undefined : cappedExpiryS(sessionExpiryS, session.broker.limits),
  });
  session.link.close();
}
