/** Frames about positions and sessions: small ones, without a message. */
import type { LogPosition, Offset } from '../../event-log/event-log.ts';
import type { Seq } from '../../queue/durable-queue.ts';
import type { ClientId, SessionId, TenantId } from '../../tenancy/identity.ts';
import type {
  AwaitAppliedFrame,
  AwaitRetainedFrame,
  CreditFrame,
  HandOffFrame,
  ReachedFrame,
} from '../peer-frame.ts';
import type { WireReader } from './wire-reader.ts';
import { textBytesMax, U64_BYTES, writeText, writeU64 } from './wire-types.ts';

const COUNT_BYTES = 4;
const POSITION_BYTES = 4 + U64_BYTES;

export function reachedBytesMax({ tenant, queues }: ReachedFrame): number {
  let bytes = textBytesMax(tenant) + COUNT_BYTES;
  for (const queue of queues) bytes += reachedQueueBytesMax(queue);
  return bytes;
}

export function reachedQueueBytesMax({ clientId }: Pick<ReachedFrame['queues'][number], 'clientId'>): number {
  return textBytesMax(clientId) + 2 * U64_BYTES;
}

/**
 *     reached := text tenant | u32 queues, each (text client | u64 session | u64 seq)
 */
export function encodeReached({ tenant, queues }: ReachedFrame, target: Buffer, at: number): number {
  let end = writeText(target, tenant, at);
  end = target.writeUInt32BE(queues.length, end);
  for (const { clientId, sessionId, seq } of queues) {
    end = writeText(target, clientId, end);
    end = writeU64(target, sessionId, end);
    end = writeU64(target, seq, end);
  }
  return end;
}

export function decodeReached(reader: WireReader): ReachedFrame {
  return { type: 'reached', tenant: reader.text() as TenantId, queues: reader.list(decodeQueue) };
}

function decodeQueue(reader: WireReader): ReachedFrame['queues'][number] {
  return {
    clientId: reader.text() as ClientId,
    sessionId: reader.u64() as SessionId,
    seq: reader.u64() as Seq,
  };
}

type AwaitFrame = AwaitAppliedFrame | AwaitRetainedFrame;

export function awaitBytes({ positions }: AwaitFrame): number {
  return COUNT_BYTES + positions.length * POSITION_BYTES;
}

/**
 *     awaitApplied, awaitRetained := u32 positions, each (u32 partition | u64 offset)
 */
export function encodePositions({ positions }: AwaitFrame, target: Buffer, at: number): number {
  let end = target.writeUInt32BE(positions.length, at);
  for (const { partition, offset } of positions) {
    end = target.writeUInt32BE(partition, end);
    end = writeU64(target, offset, end);
  }
  return end;
}

export function decodePositions(reader: WireReader): readonly LogPosition[] {
  return reader.list(decodePosition);
}

function decodePosition(reader: WireReader): LogPosition {
  return { partition: reader.u32(), offset: reader.u64() as Offset };
}

export function handOffBytesMax({ tenant, clientId }: HandOffFrame): number {
  return textBytesMax(tenant) + textBytesMax(clientId) + U64_BYTES;
}

/**
 *     handOff := text tenant | text client | u64 session
 */
export function encodeHandOff(frame: HandOffFrame, target: Buffer, at: number): number {
  let end = writeText(target, frame.tenant, at);
  end = writeText(target, frame.clientId, end);
  return writeU64(target, frame.sessionId, end);
}

export function decodeHandOff(reader: WireReader): HandOffFrame {
  return {
    type: 'handOff',
    tenant: reader.text() as TenantId,
    clientId: reader.text() as ClientId,
    sessionId: reader.u64() as SessionId,
  };
}

export function creditBytesMax({ tenant, clientId }: CreditFrame): number {
  return textBytesMax(tenant) + textBytesMax(clientId) + 1;
}

/**
 *     credit := text tenant | text client | u8 has credit
 */
export function encodeCredit(
  { tenant, clientId, hasCredit }: CreditFrame,
  target: Buffer,
  at: number,
): number {
  let end = writeText(target, tenant, at);
  end = writeText(target, clientId, end);
  target[end++] = hasCredit ? 1 : 0;
  return end;
}

export function decodeCredit(reader: WireReader): CreditFrame {
  return {
    type: 'credit',
    tenant: reader.text() as TenantId,
    clientId: reader.text() as ClientId,
    hasCredit: reader.u8() === 1,
  };
}
