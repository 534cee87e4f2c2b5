/**
 * When a message expires (its own expiry or the broker's age limit, whichever is first), and when a store may remove it.
 */
import type { QueuedMessage } from './message.ts';

/**
 * Milliseconds since 1970; undefined: never. `messageExpiryS` undefined: the publisher set none; `ageMaxS` 0: the
 * broker sets none.
 */
export function messageExpiresAtMs(
  publishedAtMs: number,
  messageExpiryS: number | undefined,
  ageMaxS: number,
): number | undefined {
  if (ageMaxS === 0) return messageExpiryS === undefined ? undefined : publishedAtMs + messageExpiryS * 1000;
  return publishedAtMs + Math.min(messageExpiryS ?? ageMaxS, ageMaxS) * 1000;
}

/**
 * From when on a store may remove a queued message that nobody trimmed, milliseconds since 1970; undefined: never. At
 * QoS 2 its client may be within the exchange, which has to be completed however old the message is [MQTT-4.3.3-7],
 * [MQTT-4.3.3-13]; whether it was sent is known at delivery only.
 */
export function removableAtMs({ message, qos }: QueuedMessage): number | undefined {
  return qos === 2 ? undefined : message.expiresAtMs;
}
