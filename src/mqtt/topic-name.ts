/**
 * Topic names of PUBLISH packets, from bytes to string. Devices publish the same topics over and over, so short ones
 * are remembered by their bytes: a repeat costs one comparison, and gives the very same string object, whose hash the
 * routing maps need not compute again. What is remembered is bounded and changes no result.
 */
import { ProtocolViolation, REASON } from './reason-code.ts';
import { notUtf8, nullCharacter } from './utf8.ts';
import { isUtf8 } from 'node:buffer';

/** Slots, a power of two; a new topic takes the place of the one that was there. */
const REMEMBERED_TOPICS = 4096;
/** Longer topics are decoded each time. */
const REMEMBERED_TOPIC_BYTES = 96;

const PLUS = 0x2b;
const HASH = 0x23;

const remembered = new Array<string>(REMEMBERED_TOPICS).fill('');

/**
 * The topic name in `frame[start, end)`, at least one byte. Throws `malformedPacket` for what is no UTF-8 string,
 * `topicNameInvalid` for wildcards [MQTT-3.3.2-2].
 */
export function readTopicName(frame: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > REMEMBERED_TOPIC_BYTES) return decodeTopicName(frame, start, end);
  const slot = slotOf(frame, start, end);
  const candidate = remembered[slot] ?? '';
  if (candidate.length === length && isAsciiOf(candidate, frame, start)) return candidate;
  const topic = decodeTopicName(frame, start, end);
  if (topic.length === length) remembered[slot] = topic;
  return topic;
}

/** Mixes the length and the last four bytes, where the topics of a fleet differ, with one from the middle. */
function slotOf(frame: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let index = Math.max(start, end - 4); index < end; index++) hash = mix(hash, frame.readUInt8(index));
  hash = mix(hash, frame.readUInt8((start + end) >> 1));
  return (hash ^ (hash >>> 15)) & (REMEMBERED_TOPICS - 1);
}

function mix(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x0100_0193);
}

/** Whether the bytes from `start` on are those of `text`, which is ASCII. */
function isAsciiOf(text: string, frame: Buffer, start: number): boolean {
  for (let index = 0; index < text.length; index++) {
    if (frame[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

function decodeTopicName(frame: Buffer, start: number, end: number): string {
  let seen = 0;
  for (let index = start; index < end; index++) {
    const byte = frame.readUInt8(index);
    if (byte === 0) throw nullCharacter('topic of PUBLISH');
    if (byte === PLUS || byte === HASH) throw wildcard();
    seen |= byte;
  }
  if (seen < 0x80) return frame.toString('latin1', start, end);
  if (!isUtf8(frame.subarray(start, end))) throw notUtf8('topic of PUBLISH');
  return frame.toString('utf8', start, end);
}

function wildcard(): ProtocolViolation {
  return new ProtocolViolation(REASON.topicNameInvalid, 'PUBLISH: topic contains a wildcard');
}
