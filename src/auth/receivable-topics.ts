/**
 * Which messages that waited for a client it may have by now: those of topics that it could subscribe to. What came by a subscription that is
 * still allowed always is.
 */
import type { QoS } from '../mqtt/qos.ts';
import type { Principal } from './authenticator.ts';

const QOS_LEVELS: readonly QoS[] = [0, 1, 2];

export class ReceivableTopics {
  readonly #principal: () => Principal;
  // Many messages of one topic wait in a row.
  #lastPrincipal: Principal | undefined;
  #lastTopic = '';
  #lastAnswer = false;

  /** `principal`: as it is now. */
  constructor(principal: () => Principal) {
    this.#principal = principal;
  }

  includes(topic: string): boolean {
    const principal = this.#principal();
    if (topic !== this.#lastTopic || principal !== this.#lastPrincipal) {
      this.#lastAnswer = QOS_LEVELS.some((qos) => principal.maySubscribe(topic, qos));
      this.#lastTopic = topic;
      this.#lastPrincipal = principal;
    }
    return this.#lastAnswer;
  }
}
