/** Publishes what comes from another service, as a PUBLISH of the rule: what MQTT or the rule does not allow is refused in words. */
import { isWithinTopicLimits } from '../broker/limits.ts';
import { PublishTicket } from '../broker/publish-ticket.ts';
import type { TenantBroker } from '../broker/tenant-broker.ts';
import { REASON, reasonName } from '../mqtt/reason-code.ts';
import { isTopicName, matchesFilter } from '../mqtt/topic.ts';
import { messageExpiresAtMs } from '../queue/message-age.ts';
import { messageBytes, type Message } from '../queue/message.ts';
import { bridgeClientId } from '../tenancy/system-client.ts';
import type { InChannelRule, InStreamRule } from './bridge-rule.ts';
import type { InboundMessage } from './envelope.ts';

export type InboundOutcome =
  | { readonly type: 'published' }
  /** Trying again would change nothing. */
  | { readonly type: 'rejected'; readonly reason: string }
  /** The store gave no answer in time. */
  | { readonly type: 'unavailable' };

export class InboundPublisher {
  readonly #rule: InChannelRule | InStreamRule;
  readonly #broker: TenantBroker;

  constructor(rule: InChannelRule | InStreamRule, broker: TenantBroker) {
    this.#rule = rule;
    this.#broker = broker;
  }

  /** Resolves when it is as durable as before a PUBACK. `topic`: from where it came; undefined: from what it says. */
  publish(inbound: InboundMessage, topic = this.#rule.topic ?? inbound.topic): Promise<InboundOutcome> {
    const { publishing, counters, clock, limits } = this.#broker;
    if (topic === undefined) return rejected('no topic');
    const nowMs = clock.nowMs();
    const message: Message = {
      topic,
      payload: inbound.payload,
      qos: inbound.qos ?? this.#rule.qos,
      retain: inbound.retain ?? this.#rule.retain,
      properties: inbound.properties,
      publishedAtMs: nowMs,
      expiresAtMs: messageExpiresAtMs(nowMs, inbound.expiryS, limits.messageAgeMaxS),
      publisher: bridgeClientId(this.#rule.name),
    };
    const problem = this.#problemOf(message);
    if (problem !== undefined) return rejected(problem);
    counters.messagesIn[message.qos]++;
    counters.payloadBytesIn[message.qos] += message.payload.length;
    return new Promise((resolve) => {
      const publishSettled = (ticket: PublishTicket): void => {
        resolve(outcomeOf(ticket));
      };
      const ticket = new PublishTicket({ publishSettled }, 0, nowMs);
      // Durable when it settles: the message in every durable queue it matched, and the retained message if it is one.
      publishing.publish(message, ticket);
      ticket.settle();
    });
  }

  #problemOf(message: Message): string | undefined {
    const { limits } = this.#broker;
    const { topic } = message;
    if (!isTopicName(topic)) return 'the topic is empty, or has a wildcard or U+0000';
    if (!isWithinTopicLimits(topic, limits)) return 'the topic is too long or too deep';
    if (!matchesFilter(this.#rule.filter, topic)) return 'the topic does not match the filter of the rule';
    return messageBytes(message) > limits.packetBytesMax
      ? 'it is larger than limits.packetBytesMax'
      : undefined;
  }
}

function rejected(reason: string): Promise<InboundOutcome> {
  return Promise.resolve({ type: 'rejected', reason });
}

function outcomeOf({ failed, reasonCode }: PublishTicket): InboundOutcome {
  if (failed) return { type: 'unavailable' };
  return reasonCode < REASON.unspecifiedError
    ? { type: 'published' }
    : { type: 'rejected', reason: reasonName(reasonCode) };
}
