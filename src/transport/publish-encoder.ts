/**
 * PUBLISH as one client wants it: its protocol level, its maximum packet size, its topic aliases, and the time a
 * message has left to live.
 */
import type { Delivery, LinkOptions } from '../broker/client-link.ts';
import { encodePublish, encodePublishHead, publishSize } from '../mqtt/encode-publish.ts';
import { OutboundAliases } from '../mqtt/topic-aliases.ts';
import { OWN_PIECE_BYTES_MIN, type Outbox } from './outbox.ts';

/** Topics with an alias per connection, however many the client allows: each is remembered for its lifetime. */
export const OUTBOUND_ALIASES_MAX = 16;

export class PublishEncoder {
  readonly #options: LinkOptions;
  /** undefined: the client takes none. */
  readonly #aliases: OutboundAliases | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    const maximum = Math.min(options.topicAliasMaximum, OUTBOUND_ALIASES_MAX);
    if (options.level === 5 && maximum > 0) this.#aliases = new OutboundAliases(maximum);
  }

  /** Appends the packet. False: larger than the client's maximum, nothing was appended [MQTT-3.1.2-24]. */
  encode(outbox: Outbox, delivery: Delivery, nowMs: number): boolean {
    const { level, maximumPacketSize } = this.#options;
    const { topic, payload } = delivery.message;
    const expiryS = remainingExpiryS(delivery.message.expiresAtMs, nowMs);
    const known = this.#aliases?.find(topic) ?? 0;
    const alias = known > 0 ? known : (this.#aliases?.free ?? 0);
    const sendTopic = known === 0;
    if (
      maximumPacketSize !== undefined &&
      publishSize(level, delivery, expiryS, alias, sendTopic) > maximumPacketSize
    ) {
      return false;
    }
    if (payload.length >= OWN_PIECE_BYTES_MIN) {
      encodePublishHead(outbox, level, delivery, expiryS, alias, sendTopic);
      outbox.appendOwnPiece(payload);
    } else {
      encodePublish(outbox, level, delivery, expiryS, alias, sendTopic);
    }
    if (sendTopic && alias > 0) this.#aliases?.assign(topic);
    return true;
  }
}

/** [MQTT-3.3.2-6]; rounded up, so that a message on its way at once keeps its interval. */
function remainingExpiryS(expiresAtMs: number | undefined, nowMs: number): number | undefined {
  return expiresAtMs === undefined ? undefined : Math.max(1, Math.ceil((expiresAtMs - nowMs) / 1000));
}
