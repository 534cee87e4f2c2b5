/** When a message expires: its own expiry or the broker's age limit, whichever is first. */

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
