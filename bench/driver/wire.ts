/**
 * The few MQTT 3.1.1 packets a driver sends, encoded as cheaply as possible. Not a client library: no MQTT 5, no checks
 * of topics, keep-alive always off.
 */
import { writePayload } from './payload.ts';

export type Qos = 0 | 1 | 2;

export const PacketType = {
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  suback: 9,
  pingresp: 13,
} as const;

/** First bytes of the two-byte-body acknowledgements; PUBREL carries the reserved flags 0010 [MQTT-3.6.1-1]. */
export const AckByte = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

export const PINGREQ = Buffer.from([0xc0, 0]);
export const DISCONNECT = Buffer.from([0xe0, 0]);

const SUBSCRIBE_BYTE = 0x82;
const CONNECT_BYTE = 0x10;
const PROTOCOL_LEVEL_3_1_1 = 4;
const CLEAN_SESSION_FLAG = 0x02;
const USER_NAME_FLAG = 0x80;

export function encodeConnect(clientId: string, cleanSession: boolean, userName?: string): Buffer {
  const flags = (cleanSession ? CLEAN_SESSION_FLAG : 0) | (userName === undefined ? 0 : USER_NAME_FLAG);
  const keepAliveOff = [0, 0];
  return frame(CONNECT_BYTE, [
    utf8('MQTT'),
    Buffer.from([PROTOCOL_LEVEL_3_1_1, flags, ...keepAliveOff]),
    utf8(clientId),
    ...(userName === undefined ? [] : [utf8(userName)]),
  ]);
}

export function encodeSubscribe(packetId: number, filters: readonly string[], qos: Qos): Buffer {
  const requested = Buffer.from([qos]);
  return frame(SUBSCRIBE_BYTE, [uint16(packetId), ...filters.flatMap((filter) => [utf8(filter), requested])]);
}

/** One topic's PUBLISH, encoded once; a copy needs only its packet identifier and its payload. */
export class PublishTemplate {
  /** Bytes of one packet. */
  readonly length: number;
  readonly #head: Buffer;
  readonly #payloadBytes: number;
  readonly #hasPacketId: boolean;
  readonly #flow: number;

  constructor(flow: number, topic: string, qos: Qos, payloadBytes: number) {
    const packetId = qos === 0 ? Buffer.alloc(0) : uint16(0);
    const payload = Buffer.alloc(payloadBytes);
    const whole = frame(0x30 | (qos << 1), [utf8(topic), packetId, payload]);
    this.length = whole.length;
    this.#head = whole.subarray(0, whole.length - payloadBytes);
    this.#payloadBytes = payloadBytes;
    this.#hasPacketId = qos > 0;
    this.#flow = flow;
  }

  write(
    target: Buffer,
    offset: number,
    packetId: number,
    run: number,
    sequence: number,
    dueMs: number,
  ): void {
    const payloadAt = offset + this.#head.length;
    this.#head.copy(target, offset);
    if (this.#hasPacketId) target.writeUInt16BE(packetId, payloadAt - 2);
    writePayload(target, payloadAt, this.#payloadBytes, run, this.#flow, sequence, dueMs);
  }
}

function frame(firstByte: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = [firstByte];
  let remaining = body.length;
  do {
    const more = remaining > 127 ? 0x80 : 0;
    header.push((remaining % 128) | more);
    remaining = Math.floor(remaining / 128);
  } while (remaining > 0);
  return Buffer.concat([Buffer.from(header), body]);
}

function utf8(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint16(bytes.length), bytes]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >>> 8, value & 0xff]);
}
