/**
 * From the session of a rule to its stream, in order and one append at a time: what the stream has is given up in the queue. An append that
 * fails is tried again, as it was, for as long as the session is this broker's.
 */
import type { Delivery } from '../broker/client-link.ts';
import type { SystemClient } from '../broker/system-client.ts';
import { isBridgeClientId } from '../tenancy/system-client.ts';
import type { OutStreamRule } from './bridge-rule.ts';
import type { EntryFields } from './bus.ts';
import { Pause } from './pause.ts';
import { RETRY_MS_MAX, RETRY_MS_MIN, type RuleContext } from './rule-run.ts';
import { entryOf } from './stream-entry.ts';

/** Entries of one append; how many messages wait here is bounded by `limits.inFlightMax` and `limits.outboxBytesHigh`. */
const ENTRIES_AT_ONCE = 128;

interface Waiting {
  readonly delivery: Delivery;
  /** undefined: it came from another service and goes to none. */
  readonly entry: EntryFields | undefined;
}

export class StreamDrain {
  readonly #rule: OutStreamRule;
  readonly #context: RuleContext;
  readonly #client: SystemClient;
  readonly #pause: Pause;
  readonly #waiting: Waiting[] = [];
  #sending: Promise<void> | undefined;

  constructor(rule: OutStreamRule, context: RuleContext, client: SystemClient) {
    this.#rule = rule;
    this.#context = context;
    this.#client = client;
    this.#pause = new Pause(context.broker.services.timers);
  }

  take(delivery: Delivery): void {
    this.#waiting.push({ delivery, entry: this.#entryOf(delivery) });
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
  }

  /** The session is over: what waits is in its queue. Resolves when no append is under way. */
  async stop(): Promise<void> {
    this.#pause.end();
    await this.#sending;
  }

  /** What came from another service does not go to others: two rules would send it round for ever. */
  #entryOf({ message, seq }: Delivery): EntryFields | undefined {
    if (isBridgeClientId(message.publisher)) return undefined;
    const { format, tenant } = this.#rule;
    const { sessionId } = this.#client;
    const id = seq === undefined || sessionId === undefined ? undefined : `${sessionId}-${seq}`;
    return entryOf(message, id, format, tenant, this.#context.tenantBroker.clock.nowMs());
  }

  async #sendAll(): Promise<void> {
    const { counters, broker } = this.#context;
    // Not within the call that delivers: what is answered there does not count as sent yet.
    await new Promise<void>((resolve) => {
      broker.services.timers.endOfTurn(resolve);
    });
    while (this.#waiting.length > 0 && !this.#pause.hasEnded) {
      const batch = this.#waiting.splice(0, ENTRIES_AT_ONCE);
      const entries = batch.flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
      if (entries.length > 0 && !(await this.#append(entries))) return;
      counters.messages += entries.length;
      // As durable as the bus keeps what it has confirmed: all of these in the stream.
      for (const { delivery } of batch) this.#client.done(delivery);
    }
  }

  /** Resolves when the stream has them; with false when nobody is to wait for that any more. */
  async #append(entries: readonly EntryFields[]): Promise<boolean> {
    const { stream, lengthMax } = this.#rule;
    for (let retryMs = RETRY_MS_MIN; !this.#pause.hasEnded; retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)) {
      try {
        await this.#context.bus.append(stream, entries, lengthMax);
        return true;
      } catch {
        // The bus says itself what is wrong with it.
        await this.#pause.wait(retryMs);
      }
    }
    return false;
  }
}
