/** What is said on a channel is published, at most once. One broker at a time serves such a rule, so that nothing is published twice. */
import { isMqttText } from './message-properties.ts';
import type { InChannelRule } from './bridge-rule.ts';
import { channelPattern, holdsTopic, topicIn } from './channel-name.ts';
import { decodeEnvelope, EnvelopeError, type InboundMessage } from './envelope.ts';
import { NO_PROPERTIES } from '../queue/message.ts';
import { InboundPublisher, type InboundOutcome } from './inbound-publisher.ts';
import { RejectionReport } from './rejection-report.ts';
import type { RuleContext, RuleRun } from './rule-run.ts';

/** Messages that wait for the store, and their bytes: a channel cannot be told to wait. */
const UNDER_WAY_MAX = 10_000;
const UNDER_WAY_BYTES_MAX = 16 * 1024 * 1024;

export class InChannel implements RuleRun {
  readonly #rule: InChannelRule;
  readonly #context: RuleContext;
  readonly #publisher: InboundPublisher;
  readonly #report: RejectionReport;
  readonly #unsubscribe: () => void;
  #underWay = 0;
  #underWayBytes = 0;

  constructor(rule: InChannelRule, context: RuleContext) {
    const { bus, tenantBroker } = context;
    this.#rule = rule;
    this.#context = context;
    this.#publisher = new InboundPublisher(rule, tenantBroker);
    this.#report = new RejectionReport(rule, tenantBroker.log, tenantBroker.clock);
    const isPattern = holdsTopic(rule.channel);
    this.#unsubscribe = bus.subscribe(
      isPattern ? channelPattern(rule.channel) : rule.channel,
      isPattern,
      (channel, message) => {
        this.#take(channel, message);
      },
    );
  }

  stop(): Promise<void> {
    this.#unsubscribe();
    return Promise.resolve();
  }

  #take(channel: string, message: Buffer): void {
    if (this.#underWay >= UNDER_WAY_MAX || this.#underWayBytes >= UNDER_WAY_BYTES_MAX) {
      this.#context.counters.dropped++;
      return;
    }
    let outcome: Promise<InboundOutcome>;
    try {
      outcome = this.#publisher.publish(this.#decode(message), this.#topicOf(channel));
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      this.#rejected(error.message);
      return;
    }
    this.#underWay++;
    this.#underWayBytes += message.length;
    void outcome.then((decided) => {
      this.#underWay--;
      this.#underWayBytes -= message.length;
      this.#decided(decided);
    });
  }

  #decode(message: Buffer): InboundMessage {
    if (this.#rule.format === 'json') return decodeEnvelope(message, this.#rule.tenant);
    return {
      topic: undefined,
      payload: message,
      qos: undefined,
      retain: undefined,
      expiryS: undefined,
      properties: NO_PROPERTIES,
    };
  }

  /** undefined: the channel does not say. */
  #topicOf(channel: string): string | undefined {
    if (!holdsTopic(this.#rule.channel)) return undefined;
    const topic = topicIn(this.#rule.channel, channel);
    if (!isMqttText(topic)) throw new EnvelopeError('the channel holds no topic');
    return topic;
  }

  #decided(outcome: InboundOutcome): void {
    const { counters } = this.#context;
    switch (outcome.type) {
      case 'published':
        counters.messages++;
        return;
      case 'rejected':
        this.#rejected(outcome.reason);
        return;
      case 'unavailable':
        counters.dropped++;
    }
  }

  #rejected(reason: string): void {
    this.#context.counters.rejected++;
    this.#report.rejected(reason);
  }
}
