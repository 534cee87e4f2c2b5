/**
 * What is published on this broker goes to a channel, at most once: not while the bus is away, nor when too much is under way. Every broker
 * serves such a rule, each for what is published on it.
 */
import type { Message } from '../queue/message.ts';
import { isBridgeClientId } from '../tenancy/system-client.ts';
import type { OutChannelRule } from './bridge-rule.ts';
import { channelOf } from './channel-name.ts';
import { encodeEnvelope } from './envelope.ts';
import type { RuleContext, RuleRun } from './rule-run.ts';

/** Bytes that the bus has been given and has not taken yet, of one rule. */
const UNDER_WAY_BYTES_MAX = 8 * 1024 * 1024;

export class OutChannel implements RuleRun {
  readonly #rule: OutChannelRule;
  readonly #context: RuleContext;
  readonly #untap: () => void;
  #underWayBytes = 0;

  constructor(rule: OutChannelRule, context: RuleContext) {
    this.#rule = rule;
    this.#context = context;
    this.#untap = context.tenantBroker.publishing.tap({
      filter: rule.filter,
      take: (message) => {
        // What came from another service does not go to others: two rules would send it round for ever.
        if (!isBridgeClientId(message.publisher)) this.#send(message);
      },
    });
  }

  stop(): Promise<void> {
    this.#untap();
    return Promise.resolve();
  }

  #send(message: Message): void {
    const { bus, counters, tenantBroker } = this.#context;
    const { channel, format, tenant } = this.#rule;
    if (!bus.isConnected || this.#underWayBytes >= UNDER_WAY_BYTES_MAX) {
      counters.dropped++;
      return;
    }
    const body =
      format === 'raw'
        ? Buffer.from(message.payload)
        : encodeEnvelope(message, tenant, tenantBroker.clock.nowMs());
    this.#underWayBytes += body.length;
    bus
      .publish(channelOf(channel, message.topic), body)
      .then(
        () => counters.messages++,
        // The bus says itself that it is away.
        () => counters.dropped++,
      )
      .finally(() => {
        this.#underWayBytes -= body.length;
      });
  }
}
