/** PUBCOMP from a client: the QoS 2 exchange is over; its position in the queue may be given up. */
import type { AckPacket } from '../../mqtt/packets.ts';
import type { ActiveSession } from '../active-session.ts';

/** An identifier that is not in flight is ignored: the client may repeat itself after a reconnect. */
export function handlePubcomp(session: ActiveSession, packet: AckPacket): void {
  session.outbound.onPubcomp(packet.packetId);
}
