/**
 * A message as other services see it: the JSON envelope that docs/bridge.md describes. What is sent can be sent back as it is; what is
 * not known in it counts for nothing.
 */
import { isUtf8 } from 'node:buffer';
import type { QoS } from '../mqtt/qos.ts';
import type { Message } from '../queue/message.ts';
import type { TenantId } from '../tenancy/identity.ts';
import { fromBase64, isMqttText, readProperties, writeProperties } from './message-properties.ts';

/** What another service wants to have published, as far as it says; checked for what MQTT allows by who publishes it. */
export interface InboundMessage {
  readonly topic: string | undefined;
  readonly payload: Buffer;
  readonly qos: QoS | undefined;
  readonly retain: boolean | undefined;
  /** Seconds; undefined: it does not expire. */
  readonly expiryS: number | undefined;
  /** See `Message.properties`. */
  readonly properties: Buffer;
}

/** What has come cannot be published. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
}

const EXPIRY_MAX_S = 0xffff_ffff;

export function encodeEnvelope(message: Message, tenant: TenantId, nowMs: number): Buffer {
  const { topic, payload, qos, retain, publisher, publishedAtMs, expiresAtMs } = message;
  const isText = isUtf8(payload);
  const properties = readProperties(message.properties);
  return Buffer.from(
    JSON.stringify({
      tenant,
      topic,
      payload: payload.toString(isText ? 'utf8' : 'base64'),
      encoding: isText ? 'utf8' : 'base64',
      qos,
      retain,
      publisher,
      publishedAt: publishedAtMs,
      ...(expiresAtMs === undefined ? {} : { expiryS: Math.max(1, Math.ceil((expiresAtMs - nowMs) / 1000)) }),
      ...(properties === undefined ? {} : { properties }),
    }),
  );
}

/** Throws `EnvelopeError`. */
export function decodeEnvelope(bytes: Buffer, tenant: TenantId): InboundMessage {
  const envelope = parse(bytes);
  if (envelope['tenant'] !== undefined && envelope['tenant'] !== tenant)
    throw new EnvelopeError('tenant is another one');
  const properties = writeProperties(envelope['properties']);
  if (properties === undefined) throw new EnvelopeError('properties cannot be used');
  return {
    topic: textOf(envelope, 'topic'),
    payload: payloadOf(envelope),
    qos: qosOf(envelope['qos']),
    retain: flagOf(envelope['retain']),
    expiryS: expiryOf(envelope['expiryS']),
    properties,
  };
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> {
  if (!isUtf8(bytes)) throw new EnvelopeError('it is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw new EnvelopeError('it is not JSON');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new EnvelopeError('it is not a JSON object');
  return { ...value };
}

function textOf(envelope: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = envelope[name];
  if (value === undefined || isMqttText(value)) return value;
  throw new EnvelopeError(`${name} is not a text that MQTT can carry`);
}

function payloadOf({ payload, encoding = 'utf8' }: Readonly<Record<string, unknown>>): Buffer {
  if (typeof payload !== 'string') throw new EnvelopeError('payload is not text');
  const bytes = encoding === 'utf8' ? Buffer.from(payload) : fromBase64(payload);
  if ((encoding !== 'utf8' && encoding !== 'base64') || bytes === undefined)
    throw new EnvelopeError('encoding is not that of the payload: use "utf8" or "base64"');
  return bytes;
}

function qosOf(value: unknown): QoS | undefined {
  if (value === undefined || value === 0 || value === 1 || value === 2) return value;
  throw new EnvelopeError('qos is not 0, 1 or 2');
}

function flagOf(value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw new EnvelopeError('retain is not true or false');
}

function expiryOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= EXPIRY_MAX_S)
    return value;
  throw new EnvelopeError('expiryS is not a number of seconds');
}
