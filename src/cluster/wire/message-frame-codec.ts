/** The frame that carries a message to sessions of a peer. */
import {
  decodeDelivery,
  decodeMessage,
  deliveryBytes,
  encodedDeliveryBytes,
  encodedMessageBytes,
  encodeDelivery,
  encodeMessage,
  messageBytesMax,
} from '../../queue/message-codec.ts';
import type { Seq } from '../../queue/durable-queue.ts';
import type { ClientId, SessionId, TenantId } from '../../tenancy/identity.ts';
import type { MessageFrame, PeerTarget } from '../peer-frame.ts';
import type { WireReader } from './wire-reader.ts';
import { textBytesMax, U64_BYTES, writeText, writeU64 } from './wire-types.ts';

const FOR_INTEREST = 1;
const HAS_ORIGIN = 2;

/** Flags, number of groups, number of targets. */
const FIXED_BYTES = 1 + 4 + 4;

export function messageFrameBytesMax({ tenant, message, groups, targets, origin }: MessageFrame): number {
  let bytes = FIXED_BYTES + textBytesMax(tenant) + messageBytesMax(message);
  for (const group of groups) bytes += groupBytesMax(group);
  for (const target of targets) bytes += targetBytesMax(target);
  if (origin !== undefined) bytes += textBytesMax(origin.producer) + U64_BYTES;
  return bytes;
}

export function groupBytesMax({ name, filter }: MessageFrame['groups'][number]): number {
  return textBytesMax(name) + textBytesMax(filter);
}

export function targetBytesMax(target: PeerTarget): number {
  return textBytesMax(target.clientId) + 2 * U64_BYTES + deliveryBytes(deliveryOf(target));
}

/**
 *     message := text tenant | u8 flags | u32 groups, each (text name | text filter) | u32 targets, each target
 *                | (text producer | u64 sequence) if flags.origin | message of `queue/message-codec.ts`
 *     flags   := bit 0 for interest, 1 origin
 */
export function encodeMessageFrame(frame: MessageFrame, target: Buffer, at: number): number {
  const { tenant, message, forInterest, groups, targets, origin } = frame;
  let end = writeText(target, tenant, at);
  target[end++] = (forInterest ? FOR_INTEREST : 0) | (origin === undefined ? 0 : HAS_ORIGIN);
  end = target.writeUInt32BE(groups.length, end);
  for (const { name, filter } of groups) {
    end = writeText(target, name, end);
    end = writeText(target, filter, end);
  }
  end = target.writeUInt32BE(targets.length, end);
  for (const each of targets) end = encodeTarget(each, target, end);
  if (origin !== undefined) {
    end = writeText(target, origin.producer, end);
    end = writeU64(target, origin.sequence, end);
  }
  return encodeMessage(message, target, end);
}

export function decodeMessageFrame(reader: WireReader): MessageFrame {
  const tenant = reader.text() as TenantId;
  const flags = reader.u8();
  const groups = reader.list(decodeGroup);
  const targets = reader.list(decodeTarget);
  const origin = (flags & HAS_ORIGIN) === 0 ? undefined : { producer: reader.text(), sequence: reader.u64() };
  const message = reader.view(encodedMessageBytes(reader.bytes, reader.position));
  return {
    type: 'message',
    tenant,
    message: decodeMessage(message, 0),
    forInterest: (flags & FOR_INTEREST) !== 0,
    groups,
    targets,
    origin,
  };
}

/**
 *     target := text client | u64 session | u64 seq | delivery of `queue/message-codec.ts`
 */
function encodeTarget(each: PeerTarget, target: Buffer, at: number): number {
  let end = writeText(target, each.clientId, at);
  end = writeU64(target, each.sessionId, end);
  end = writeU64(target, each.seq, end);
  return encodeDelivery(deliveryOf(each), 0, target, end);
}

function decodeTarget(reader: WireReader): PeerTarget {
  const clientId = reader.text() as ClientId;
  const sessionId = reader.u64() as SessionId;
  const seq = reader.u64() as Seq | 0;
  const delivery = reader.view(encodedDeliveryBytes(reader.bytes, reader.position));
  const { qos, retain, subscriptionIds } = decodeDelivery(delivery, 0);
  return { clientId, sessionId, seq, qos, retain, subscriptionIds };
}

function decodeGroup(reader: WireReader): { readonly name: string; readonly filter: string } {
  return { name: reader.text(), filter: reader.text() };
}

function deliveryOf({ qos, retain, subscriptionIds }: PeerTarget): Parameters<typeof deliveryBytes>[0] {
  return { qos, retain, subscriptionIds, packetId: 0 };
}
