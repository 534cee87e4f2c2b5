/** When a will is published, and as which message. Pure; the standard's section 3.1.2.5 and 3.1.3.2.2. */
import { messageExpiresAtMs } from '../queue/message-age.ts';
import type { Message } from '../queue/message.ts';
import type { SessionState, Will } from './events.ts';

/**
 * The will of the session on record that a CONNECT of the same client makes due. `resumed`: the connection
 * continues that session, which cancels a will whose delay still runs [MQTT-3.1.3-9].
 */
export function willDueOnConnect(
  session: SessionState | undefined,
  resumed: boolean,
  nowMs: number,
): Will | undefined {
  if (session?.will === undefined) return undefined;
  if (!resumed) return session.will;
  // Taken over while connected: the network connection closes without DISCONNECT, at this very moment.
  if (session.owner !== undefined) return session.will.delayS === 0 ? session.will : undefined;
  return session.willDueAtMs !== undefined && session.willDueAtMs <= nowMs ? session.will : undefined;
}

export function willMessage(
  session: SessionState,
  will: Will,
  nowMs: number,
  messageAgeMaxS: number,
): Message {
  return {
    topic: will.topic,
    payload: will.payload,
    qos: will.qos,
    retain: will.retain,
    properties: will.properties,
    publishedAtMs: nowMs,
    expiresAtMs: messageExpiresAtMs(nowMs, will.messageExpiryS, messageAgeMaxS),
    publisher: session.clientId,
  };
}

/** Names one will of one connection, so that publishing it again after a crash appends nothing twice. */
export function willProducer(session: SessionState): string {
  return `will/${session.sessionId}/${session.openedAtMs}`;
}
