/** UNSUBSCRIBE: the routes go, and for a persistent session the record of them too, before UNSUBACK. */
import type { UnsubscribePacket } from '../../mqtt/packets.ts';
import { REASON } from '../../mqtt/reason-code.ts';
import { wildcardLevels } from '../../routing/filter-tree.ts';
import type { ActiveSession } from '../active-session.ts';

export function handleUnsubscribe(session: ActiveSession, packet: UnsubscribePacket): void {
  const { broker, clientId, link } = session;
  /** [MQTT-3.10.4-6] As if each filter came in a packet of its own: the second of two alike finds nothing. */
  const gone = new Set<string>();
  const reasonCodes = packet.filters.map((filter) => {
    const isThere = session.transientRoutes.has(filter) || broker.registry.subscribes(clientId, filter);
    const existed = isThere && !gone.has(filter);
    gone.add(filter);
    if (existed) session.countWildcardLevels(-wildcardLevels(filter));
    return existed ? REASON.success : REASON.noSubscriptionExisted;
  });
  if (session.subscriber.pending === undefined) {
    for (const filter of packet.filters) broker.removeTransientRoute(session, filter);
    // Nothing is durable for a transient session; the routes are gone.
    link.send({ type: 'unsuback', packetId: packet.packetId, reasonCodes });
    return;
  }
  const answered = session.beginRequest(0);
  broker.lifecycle
    .unsubscribe(clientId, packet.filters)
    .then((positions) => broker.services.peers.appliedEverywhere(positions))
    .then(
      () => {
        answered();
        // Durable here: the end of each subscription on the event log, applied to the routes of this broker and of every peer.
        if (!session.hasEnded) link.send({ type: 'unsuback', packetId: packet.packetId, reasonCodes });
      },
      (error: unknown) => {
        answered();
        broker.services.onStoreError(error);
        session.disconnect(REASON.serverBusy, 'storeUnavailable', 'UNSUBSCRIBE could not be recorded');
      },
    );
}
