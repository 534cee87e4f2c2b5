/**
 * MQTT 5 topic aliases of one connection, one table per direction. Both are bounded by the maximum that the receiving
 * side announced, and end with the connection [MQTT-3.3.2-7].
 */
import { ProtocolViolation, REASON } from './reason-code.ts';

/** What a client has named, for PUBLISH packets coming in. */
export class InboundAliases {
  readonly #maximum: number;
  readonly #topics = new Map<number, string>();

  /** `maximum`: what CONNACK announced; 0: none are taken. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /**
   * The topic of a PUBLISH that carries `alias` (not 0); a topic that is not '' becomes the alias's meaning.
   * Throws `topicAliasInvalid` beyond the maximum [MQTT-3.3.2-9], `protocolError` for one without meaning.
   */
  resolve(alias: number, topic: string): string {
    if (alias > this.#maximum) {
      throw new ProtocolViolation(
        REASON.topicAliasInvalid,
        `PUBLISH: topic alias ${alias} is above the maximum of ${this.#maximum}`,
      );
    }
    if (topic !== '') {
      this.#topics.set(alias, topic);
      return topic;
    }
    const known = this.#topics.get(alias);
    if (known !== undefined) return known;
    throw new ProtocolViolation(
      REASON.protocolError,
      `PUBLISH: topic alias ${alias} was never given a topic`,
    );
  }
}

/**
 * What the client has been told, for PUBLISH packets going out. The first topics get the aliases and keep them: a
 * client that gets more topics than aliases is never made to relearn.
 */
export class OutboundAliases {
  readonly #maximum: number;
  readonly #aliases = new Map<string, number>();

  /** `maximum`: what CONNECT announced, perhaps lowered; 0: none are used. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** The alias the client knows for the topic; 0: none. */
  find(topic: string): number {
    return this.#aliases.get(topic) ?? 0;
  }

  /** The alias to send along with a topic that has none; 0: all are taken. */
  get free(): number {
    return this.#aliases.size < this.#maximum ? this.#aliases.size + 1 : 0;
  }

  /** The PUBLISH that carries `topic` and the `free` alias is on its way. */
  assign(topic: string): void {
    if (this.free > 0 && !this.#aliases.has(topic)) this.#aliases.set(topic, this.free);
  }
}
