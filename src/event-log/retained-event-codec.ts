/** Changes of retained messages as records of `spoke.retained`, and back. */
import type { QoS } from '../mqtt/qos.ts';
import type { Message } from '../queue/message.ts';
import type { RetainedEvent } from '../session/events.ts';
import type { ClientId, TenantId } from '../tenancy/identity.ts';
import { RETAINED_MESSAGE_V1 } from './avro-schemas.ts';
import type { LogEntry, LogRecord } from './event-log.ts';
import { parseRecordKey, retainedKey, topicPartitionKey } from './record-key.ts';
import { UndecodableRecordError } from './undecodable-record-error.ts';
import { ValueCodec } from './value-codec.ts';

interface RetainedMessageValue {
  readonly tenant: TenantId;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly properties: Buffer;
  readonly publishedAtMs: number;
  readonly expiresAtMs: number | null;
  readonly publisher: ClientId | '';
}

const messages = new ValueCodec<RetainedMessageValue>(RETAINED_MESSAGE_V1);

export function encodeRetainedEvent(event: RetainedEvent, timestampMs: number): LogRecord {
  const { tenant, topic, message } = event;
  return {
    partitionKey: topicPartitionKey(tenant, topic),
    key: retainedKey(tenant, topic),
    value: message === undefined ? null : messages.encode(messageValue(tenant, message)),
    event: message === undefined ? 'RetainedCleared' : 'Retained',
    timestampMs,
  };
}

/** Takes snapshot rows too. Throws `UndecodableRecordError`. */
export function decodeRetainedEvent(entry: Pick<LogEntry, 'key' | 'value'>): RetainedEvent {
  const { key, value } = entry;
  const parsed = parseRecordKey(key);
  if (parsed.kind !== 'retained') {
    throw new UndecodableRecordError(key, 'only retained messages belong on the topic of retained messages.');
  }
  const { tenant, topic } = parsed;
  return { tenant, topic, message: value === null ? undefined : messageFrom(messages.decode(value, key)) };
}

function messageValue(tenant: TenantId, message: Message): RetainedMessageValue {
  const { topic, payload, qos, properties, publishedAtMs, expiresAtMs, publisher } = message;
  return {
    tenant,
    topic,
    payload,
    qos,
    properties,
    publishedAtMs,
    expiresAtMs: expiresAtMs ?? null,
    publisher,
  };
}

function messageFrom(value: RetainedMessageValue): Message {
  const { topic, payload, qos, properties, publishedAtMs, expiresAtMs, publisher } = value;
  // Only a message published with the RETAIN flag is retained, so the flag itself is not stored.
  return {
    topic,
    payload,
    qos,
    retain: true,
    properties,
    publishedAtMs,
    expiresAtMs: expiresAtMs ?? undefined,
    publisher,
  };
}
