/** PUBREL from a client: its QoS 2 message goes to the subscribers, once, and the identifier becomes free. */
import type { AckPacket } from '../../mqtt/packets.ts';
import { REASON } from '../../mqtt/reason-code.ts';
import type { ActiveSession } from '../active-session.ts';

export function handlePubrel(session: ActiveSession, packet: AckPacket): void {
  const { packetId } = packet;
  const { held } = session;
  const slot = session.reserveAck('pubcomp', packetId);
  if (held === undefined) {
    // Durable since PUBREC: the message in every queue it matched. PUBCOMP only says that the identifier is free.
    const known = session.qos2Ids.delete(packetId);
    session.completeAck(slot, known ? REASON.success : REASON.packetIdentifierNotFound);
    return;
  }
  // Durable before PUBCOMP leaves: the message in every durable queue it matched, and that its identifier is off the queue
  // of held messages, so that a new message under it is not taken for a repetition.
  // On a resumed session an identifier that is not held was released before its PUBCOMP got lost (MQTT 5.0,
  // 3.7.2.1: not an error during recovery), and clients that see 0x92 take it for a failure.
  held.release(packetId).then(
    (reasonCode) => {
      session.completeAck(slot, session.resumed ? REASON.success : reasonCode);
    },
    (error: unknown) => {
      session.broker.services.onStoreError(error);
      session.disconnect(REASON.serverBusy, 'storeUnavailable', 'the store did not answer in time');
    },
  );
}
