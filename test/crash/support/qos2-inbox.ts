/**
 * The receiver's half of QoS 2, "method A" of the standard: a message is taken with its PUBLISH, and its
 * identifier remembered until PUBREL, over connections too.
 */

/** `new` and `repeated` are in order; any other text says what the sender did wrong. */
export type Arrival = 'new' | 'repeated' | (string & {});

export class QoS2Inbox {
  readonly #unreleased = new Map<number, string>();

  /** `content` identifies the message independently of its packet identifier. */
  accept(packetId: number, content: string, dup: boolean): Arrival {
    const known = this.#unreleased.get(packetId);
    if (known === undefined) {
      this.#unreleased.set(packetId, content);
      return 'new';
    }
    if (known !== content) {
      return `packet identifier ${packetId} was used for "${content}" before "${known}" was released`;
    }
    return dup ? 'repeated' : `"${content}" was sent again without DUP [MQTT-3.3.1-1]`;
  }

  release(packetId: number): void {
    this.#unreleased.delete(packetId);
  }
}
