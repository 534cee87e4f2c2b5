/** PUBREC from a client: the outbound records it durably and answers PUBREL; see `DurableOutbound`. */
import type { AckPacket } from '../../mqtt/packets.ts';
import { REASON } from '../../mqtt/reason-code.ts';
import type { ActiveSession } from '../active-session.ts';

export function handlePubrec(session: ActiveSession, packet: AckPacket): void {
  const { packetId, reasonCode } = packet;
  const refused = reasonCode >= REASON.unspecifiedError;
  const outcome = session.outbound.onPubrec(packetId, refused);
  // Nothing is known of the identifier: an exchange that ended before. PUBREL lets the client end it too.
  if (outcome === 'unknown' && !refused) {
    session.link.sendAck('pubrel', packetId, REASON.packetIdentifierNotFound);
  }
}
