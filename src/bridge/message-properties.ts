/** The MQTT 5 properties that travel with a message, as other services see them: JSON instead of `Message.properties`. */
import { PROPERTY } from '../mqtt/properties.ts';
import { isTopicName } from '../mqtt/topic.ts';
import { NO_PROPERTIES } from '../queue/message.ts';

export interface MessageProperties {
  /** The publisher says that the payload is UTF-8 text. */
  readonly isText?: boolean;
  readonly contentType?: string;
  readonly responseTopic?: string;
  /** Base64. */
  readonly correlationData?: string;
  readonly userProperties?: readonly (readonly [name: string, value: string])[];
}

/** Of text and binary data. */
const LENGTH_MAX = 65_535;

/** `bytes`: as checked when the message was published. undefined: there are none. */
export function readProperties(bytes: Buffer): MessageProperties | undefined {
  if (bytes.length === 0) return undefined;
  const found: { -readonly [Name in keyof MessageProperties]: MessageProperties[Name] } = {};
  const userProperties: [string, string][] = [];
  let at = 0;
  const next = (): Buffer => {
    const start = at + 2;
    at = start + bytes.readUInt16BE(at);
    return bytes.subarray(start, at);
  };
  while (at < bytes.length) {
    const id = bytes.readUInt8(at++);
    switch (id) {
      case PROPERTY.payloadFormatIndicator:
        found.isText = bytes.readUInt8(at++) === 1;
        break;
      case PROPERTY.contentType:
        found.contentType = next().toString();
        break;
      case PROPERTY.responseTopic:
        found.responseTopic = next().toString();
        break;
      case PROPERTY.correlationData:
        found.correlationData = next().toString('base64');
        break;
      case PROPERTY.userProperty:
        userProperties.push([next().toString(), next().toString()]);
        break;
      default:
        throw new Error(`message-properties: 0x${id.toString(16)} does not travel with a message`);
    }
  }
  if (userProperties.length > 0) found.userProperties = userProperties;
  return found;
}

/** What comes from another service. undefined: it cannot be used. */
export function writeProperties(value: unknown): Buffer | undefined {
  if (value === undefined) return NO_PROPERTIES;
  if (value === null || typeof value !== 'object') return undefined;
  const { isText, contentType, responseTopic, correlationData, userProperties }: Record<string, unknown> = {
    ...value,
  };
  const pieces: (Buffer | undefined)[] = [];
  if (isText !== undefined)
    pieces.push(
      typeof isText === 'boolean'
        ? Buffer.from([PROPERTY.payloadFormatIndicator, isText ? 1 : 0])
        : undefined,
    );
  if (contentType !== undefined) pieces.push(text(PROPERTY.contentType, contentType));
  if (responseTopic !== undefined)
    pieces.push(
      typeof responseTopic === 'string' && isTopicName(responseTopic)
        ? text(PROPERTY.responseTopic, responseTopic)
        : undefined,
    );
  if (correlationData !== undefined)
    pieces.push(binary(PROPERTY.correlationData, fromBase64(correlationData)));
  if (userProperties !== undefined) pieces.push(...pairs(userProperties));
  const written = pieces.filter((piece) => piece !== undefined);
  return written.length === pieces.length ? Buffer.concat(written) : undefined;
}

/** undefined: it is not base64. */
export function fromBase64(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || value.length % 4 !== 0) return undefined;
  return /^[A-Za-z0-9+/]*={0,2}$/.test(value) ? Buffer.from(value, 'base64') : undefined;
}

/** Text that MQTT can carry: UTF-8 without U+0000 and without half a character. */
export function isMqttText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0') && Buffer.from(value).toString() === value;
}

function pairs(value: unknown): (Buffer | undefined)[] {
  if (!Array.isArray(value)) return [undefined];
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    const [name, content] = pair as unknown[];
    const first = text(PROPERTY.userProperty, name);
    const second = isMqttText(content) ? withLength(Buffer.from(content)) : undefined;
    return first === undefined || second === undefined ? undefined : Buffer.concat([first, second]);
  });
}

function text(id: number, value: unknown): Buffer | undefined {
  return isMqttText(value) ? binary(id, Buffer.from(value)) : undefined;
}

function binary(id: number, value: Buffer | undefined): Buffer | undefined {
  const bytes = value && withLength(value);
  return bytes && Buffer.concat([Buffer.from([id]), bytes]);
}

function withLength(value: Buffer): Buffer | undefined {
  if (value.length > LENGTH_MAX) return undefined;
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([length, value]);
}
