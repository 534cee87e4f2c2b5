/** PUBACK from a client: it has the message; its position in the queue may be given up. */
import type { AckPacket } from '../../mqtt/packets.ts';
import type { ActiveSession } from '../active-session.ts';

/** An identifier that is not in flight is ignored: the client may repeat itself after a reconnect. */
export function handlePuback(session: ActiveSession, packet: AckPacket): void {
  session.outbound.onPuback(packet.packetId);
}
