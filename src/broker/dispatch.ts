/** Which handler a packet of a connected client goes to. One file per control packet in `handlers/`. */
import type { ClientPacket } from '../mqtt/packets.ts';
import { ProtocolViolation, REASON } from '../mqtt/reason-code.ts';
import type { ActiveSession } from './active-session.ts';
import { handleAuth } from './handlers/auth.ts';
import { handleDisconnect } from './handlers/disconnect.ts';
import { handlePuback } from './handlers/puback.ts';
import { handlePubcomp } from './handlers/pubcomp.ts';
import { handlePublish } from './handlers/publish.ts';
import { handlePubrec } from './handlers/pubrec.ts';
import { handlePubrel } from './handlers/pubrel.ts';
import { handleSubscribe } from './handlers/subscribe.ts';
import { handleUnsubscribe } from './handlers/unsubscribe.ts';

/** Throws `ProtocolViolation` when the packet is not allowed now. */
export function handlePacket(session: ActiveSession, packet: ClientPacket): void {
  switch (packet.type) {
    case 'publish':
      handlePublish(session, packet);
      return;
    case 'puback':
      handlePuback(session, packet);
      return;
    case 'pubrec':
      handlePubrec(session, packet);
      return;
    case 'pubrel':
      handlePubrel(session, packet);
      return;
    case 'pubcomp':
      handlePubcomp(session, packet);
      return;
    case 'subscribe':
      handleSubscribe(session, packet);
      return;
    case 'unsubscribe':
      handleUnsubscribe(session, packet);
      return;
    case 'pingreq':
      session.link.send({ type: 'pingresp' }); // [MQTT-3.12.4-1]
      return;
    case 'disconnect':
      handleDisconnect(session, packet);
      return;
    case 'auth':
      handleAuth(session, packet);
      return;
    case 'connect':
      throw new ProtocolViolation(REASON.protocolError, 'a second CONNECT on one connection'); // [MQTT-3.1.0-2]
  }
}
