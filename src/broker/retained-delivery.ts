/**
 * Sends the retained messages that match new subscriptions, a few at a time and only while the client has
 * room: a wildcard over a million topics costs a cursor, not a million messages in memory.
 */
import type { Principal } from '../auth/authenticator.ts';
import type { Message } from '../queue/message.ts';
import type { Subscription } from '../session/events.ts';
import type { ActiveSession } from './active-session.ts';

/** Messages put into a durable queue before waiting for them to be stored. */
const APPENDS_AT_ONCE = 256;

export async function sendRetained(
  session: ActiveSession,
  subscriptions: readonly Subscription[],
): Promise<void> {
  const { broker, outbound } = session;
  let appended = 0;
  await broker.retained.settled();
  for (const subscription of subscriptions) {
    let judgedBy: Principal | undefined;
    for (const message of broker.retained.match(subscription.filter)) {
      if (session.hasEnded) return;
      // [MQTT-3.8.3-3] The publisher's own message is kept back here as when it was published.
      if (subscription.noLocal && message.publisher === session.clientId) continue;
      if (!outbound.hasCredit) await outbound.room();
      // The right to it may have been taken away while there was no room, and the subscription with it.
      if (session.principal !== judgedBy) {
        judgedBy = session.principal;
        if (!judgedBy.maySubscribe(subscription.filter, subscription.qos)) break;
      }
      if (hand(session, subscription, message)) appended++;
      if (appended < APPENDS_AT_ONCE) continue;
      await broker.services.batcher.barrier(session.subscriber.pending);
      appended = 0;
    }
  }
}

/** true: it went through the durable queue. */
function hand(session: ActiveSession, subscription: Subscription, message: Message): boolean {
  const qos = message.qos < subscription.qos ? message.qos : subscription.qos;
  const ids = subscription.subscriptionId === undefined ? undefined : [subscription.subscriptionId];
  session.broker.publishing.handTo(session.subscriber, message, qos, true, ids); // [MQTT-3.3.1-8]
  return qos > 0 && session.subscriber.pending !== undefined;
}
