/** A message as an entry of a stream: one field with the envelope, or a field for each part where the format is raw. */
import type { Message } from '../queue/message.ts';
import type { QoS } from '../mqtt/qos.ts';
import { NO_PROPERTIES } from '../queue/message.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { MessageFormat } from './bridge-rule.ts';
import type { EntryFields, ReceivedFields } from './bus.ts';
import { decodeEnvelope, encodeEnvelope, EnvelopeError, type InboundMessage } from './envelope.ts';
import { isMqttText } from './message-properties.ts';

/** `id`: the same each time this message is sent; undefined: it is sent once. */
export function entryOf(
  message: Message,
  id: string | undefined,
  format: MessageFormat,
  tenant: TenantId,
  nowMs: number,
): EntryFields {
  const identified: EntryFields = id === undefined ? [] : [['id', id]];
  if (format === 'json') return [...identified, ['message', encodeEnvelope(message, tenant, nowMs)]];
  const { topic, qos, retain, payload } = message;
  return [
    ...identified,
    ['topic', topic],
    ['qos', String(qos)],
    ['retain', retain ? '1' : '0'],
    // It may be a view into what is read next.
    ['payload', Buffer.from(payload)],
  ];
}

/** Throws `EnvelopeError`. */
export function messageOf(fields: ReceivedFields, format: MessageFormat, tenant: TenantId): InboundMessage {
  if (format === 'json') return decodeEnvelope(required(fields, 'message'), tenant);
  const topic = fields.get('topic')?.toString();
  if (topic !== undefined && !isMqttText(topic))
    throw new EnvelopeError('topic is not a text that MQTT can carry');
  return {
    topic,
    payload: required(fields, 'payload'),
    qos: qosIn(fields.get('qos')?.toString()),
    retain: flagIn(fields.get('retain')?.toString()),
    expiryS: undefined,
    properties: NO_PROPERTIES,
  };
}

function required(fields: ReceivedFields, name: string): Buffer {
  const value = fields.get(name);
  if (value === undefined) throw new EnvelopeError(`the field ${name} is missing`);
  return value;
}

function qosIn(text: string | undefined): QoS | undefined {
  switch (text) {
    case undefined:
      return undefined;
    case '0':
      return 0;
    case '1':
      return 1;
    case '2':
      return 2;
    default:
      throw new EnvelopeError('qos is not 0, 1 or 2');
  }
}

function flagIn(text: string | undefined): boolean | undefined {
  if (text === undefined || text === '0' || text === '1')
    return text === undefined ? undefined : text === '1';
  throw new EnvelopeError('retain is not 0 or 1');
}
