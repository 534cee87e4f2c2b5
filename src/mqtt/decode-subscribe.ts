/**
 * SUBSCRIBE and UNSUBSCRIBE: a strict check of every byte, then mqtt-packet decodes.
 *
 *   SUBSCRIBE   => packet-id [properties] (filter options)+
 *   UNSUBSCRIBE => packet-id [properties] (filter)+
 */
import type { ISubscription } from 'mqtt-packet';
import type {
  ProtocolLevel,
  SubscribePacket,
  SubscribeRequest,
  UnsubscribePacket,
  UserProperties,
} from './packets.ts';
import { PROPERTY, PropertyCursor } from './properties.ts';
import { ProtocolViolation, REASON } from './reason-code.ts';
import { parseChecked } from './reference-parser.ts';
import { isTopicFilter, parseShare } from './topic.ts';
import { WireCursor } from './wire-cursor.ts';

const QOS_MASK = 0x03;
const NO_LOCAL = 0x04;
const RETAIN_HANDLING_3 = 0x30;
/** Of subscription options: must be zero. */
const RESERVED_BITS = 0xc0;
const RESERVED_BITS_3X = 0xfc;

/** Of a refused filter, in the message about it. */
const QUOTED_CHARACTERS_MAX = 128;

interface CheckedHead {
  readonly packetId: number;
  readonly subscriptionId: number | undefined;
  readonly userProperties: UserProperties;
}

/** `frame` is one whole SUBSCRIBE; its body begins at `bodyOffset`. Throws `ProtocolViolation`. */
export function decodeSubscribe(frame: Buffer, bodyOffset: number, level: ProtocolLevel): SubscribePacket {
  const wire = new WireCursor(frame, bodyOffset, frame.length, 'SUBSCRIBE');
  const head = checkHead(wire, level, 'SUBSCRIBE');
  do {
    const filter = checkFilter(wire);
    checkOptions(wire, level, filter);
  } while (!wire.atEnd());
  const parsed = parseChecked(frame, level, 'subscribe');
  return { type: 'subscribe', ...head, requests: parsed.subscriptions.map(toRequest) };
}

/** `frame` is one whole UNSUBSCRIBE; its body begins at `bodyOffset`. Throws `ProtocolViolation`. */
export function decodeUnsubscribe(
  frame: Buffer,
  bodyOffset: number,
  level: ProtocolLevel,
): UnsubscribePacket {
  const wire = new WireCursor(frame, bodyOffset, frame.length, 'UNSUBSCRIBE');
  const { packetId, userProperties } = checkHead(wire, level, 'UNSUBSCRIBE');
  do checkFilter(wire);
  while (!wire.atEnd());
  const parsed = parseChecked(frame, level, 'unsubscribe');
  return { type: 'unsubscribe', packetId, userProperties, filters: parsed.unsubscriptions };
}

function toRequest({ topic, qos, nl, rap, rh }: ISubscription): SubscribeRequest {
  return {
    filter: topic,
    qos,
    noLocal: nl ?? false,
    retainAsPublished: rap ?? false,
    retainHandling: rh === 1 || rh === 2 ? rh : 0,
  };
}

function checkHead(wire: WireCursor, level: ProtocolLevel, place: 'SUBSCRIBE' | 'UNSUBSCRIBE'): CheckedHead {
  const packetId = wire.twoByteInteger('packet identifier');
  // [MQTT-2.2.1-3]
  if (packetId === 0) throw wire.malformed('packet identifier is 0');
  const userProperties: (readonly [string, string])[] = [];
  let subscriptionId: number | undefined;
  if (level === 5) {
    const cursor = new PropertyCursor(wire, place);
    while (cursor.next()) {
      if (cursor.id === PROPERTY.userProperty) userProperties.push(cursor.pair());
      else subscriptionId = cursor.value;
    }
  }
  // [MQTT-3.8.3-2], [MQTT-3.10.3-2]
  if (wire.atEnd()) throw new ProtocolViolation(REASON.protocolError, `${place}: holds no topic filter`);
  return { packetId, subscriptionId, userProperties };
}

function checkFilter(wire: WireCursor): string {
  const filter = wire.text('topic filter');
  if (isTopicFilter(filter)) return filter;
  throw new ProtocolViolation(
    REASON.topicFilterInvalid,
    `${wire.place}: topic filter ${JSON.stringify(filter.slice(0, QUOTED_CHARACTERS_MAX))} is not well-formed`,
  );
}

function checkOptions(wire: WireCursor, level: ProtocolLevel, filter: string): void {
  const options = wire.byte('subscription options');
  // [MQTT-3.8.3-5]
  if ((options & (level === 5 ? RESERVED_BITS : RESERVED_BITS_3X)) !== 0) {
    throw wire.malformed('reserved bits of the subscription options are set');
  }
  if ((options & QOS_MASK) === QOS_MASK) throw protocolError('requested QoS is 3');
  if ((options & RETAIN_HANDLING_3) === RETAIN_HANDLING_3) throw protocolError('retain handling is 3');
  // [MQTT-3.8.3-4]
  if ((options & NO_LOCAL) !== 0 && parseShare(filter) !== undefined) {
    throw protocolError('no-local on a shared subscription');
  }
}

function protocolError(detail: string): ProtocolViolation {
  return new ProtocolViolation(REASON.protocolError, `SUBSCRIBE: ${detail}`);
}
