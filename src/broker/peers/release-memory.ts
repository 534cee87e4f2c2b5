/**
 * Which releases have been handed to sessions that keep no record: what comes again under the same origin, after a failure of a
 * publisher's broker, does not go to them twice. Durable queues have a memory of their own.
 */
import type { PublishOrigin } from '../../routing/subscriber.ts';

/** Producers remembered; each is a session that publishes with QoS 2, or a will. */
const PRODUCERS_MAX = 20_000;

export class ReleaseMemory {
  /** The latest ones last. */
  readonly #highest = new Map<string, number>();

  /** true: it was handed on before. Otherwise it is remembered as handed on now. */
  isRepeat({ producer, sequence }: PublishOrigin): boolean {
    const highest = this.#highest.get(producer);
    if (highest !== undefined && sequence <= highest) return true;
    this.#highest.delete(producer);
    this.#highest.set(producer, sequence);
    if (this.#highest.size > PRODUCERS_MAX) {
      const [oldest] = this.#highest.keys();
      if (oldest !== undefined) this.#highest.delete(oldest);
    }
    return false;
  }
}
