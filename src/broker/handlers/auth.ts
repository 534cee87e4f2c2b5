/** AUTH on an open connection asks for re-authentication, which needs the method CONNECT was made with. */
import type { AuthPacket } from '../../mqtt/packets.ts';
import { ProtocolViolation, REASON } from '../../mqtt/reason-code.ts';
import type { ActiveSession } from '../active-session.ts';

export function handleAuth(session: ActiveSession, packet: AuthPacket): void {
  const { reAuthentication } = session;
  if (reAuthentication === undefined || packet.authenticationMethod !== reAuthentication.method) {
    // [MQTT-4.12.1-1]
    throw new ProtocolViolation(REASON.protocolError, 'AUTH: not the authentication method of CONNECT');
  }
  reAuthentication.onAuth(session, packet);
}
