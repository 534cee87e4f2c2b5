/** Messages and queue entries for tests that care about one or two of their members. */
import { NO_PROPERTIES, type Message, type QueuedMessage } from '../../src/queue/message.ts';
import type { ClientId } from '../../src/tenancy/identity.ts';

export function messageTo(topic: string, payload = '', changes: Partial<Message> = {}): Message {
  return {
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    properties: NO_PROPERTIES,
    publishedAtMs: 0,
    expiresAtMs: undefined,
    publisher: 'publisher' as ClientId,
    ...changes,
  };
}

export function queued(message: Message, changes: Partial<QueuedMessage> = {}): QueuedMessage {
  return {
    message,
    qos: message.qos,
    retain: message.retain,
    subscriptionIds: undefined,
    packetId: 0,
    ...changes,
  };
}
