/**
 * Keys of the queue table: the only place of the broker that knows how they are laid out (docs/adr/0005).
 *
 *     queue key   := reverse(session id, 64 bits) '_' tenant '_' kind      kind: 0x01 pending, 0x02 held
 *     message row := queue key | position (8 bytes, big endian)
 *
 * Reversed, consecutive session ids lie far apart and spread over the regions. The kind's byte cannot occur in a tenant's
 * name, so no queue key is a prefix of another queue's rows.
 */
import { queueKey, type QueueKey } from '../../../queue/durable-queue.ts';
import { parseTenantId, type SessionId } from '../../../tenancy/identity.ts';

/** Regions of the table when it is made, and lanes of appends: one of each per value of the first seven bits. */
export const QUEUE_LANES = 128;

const SEPARATOR = 0x5f;
const PENDING = 0x01;
const HELD = 0x02;
const SESSION_BYTES = 8;
const TENANT_AT = SESSION_BYTES + 1;
const TRAILER_BYTES = 2;
const HIGH_WORD = 2 ** 32;

export function queueRow({ tenant, sessionId, kind }: QueueKey): Buffer {
  const row = Buffer.allocUnsafe(TENANT_AT + tenant.length + TRAILER_BYTES);
  row.writeUInt32BE(reversed(sessionId % HIGH_WORD), 0);
  row.writeUInt32BE(reversed(Math.floor(sessionId / HIGH_WORD)), 4);
  row[SESSION_BYTES] = SEPARATOR;
  const end = TENANT_AT + row.write(tenant, TENANT_AT, 'latin1');
  row[end] = SEPARATOR;
  row[end + 1] = kind === 'held' ? HELD : PENDING;
  return row;
}

/** Throws a `RangeError` when the bytes are no queue key. */
export function queueOfRow(row: Buffer): QueueKey {
  const end = row.length - TRAILER_BYTES;
  const tenant = parseTenantId(row.toString('latin1', TENANT_AT, end));
  const kind = kindOf(row[end + 1]);
  if (
    tenant === undefined ||
    kind === undefined ||
    row[SESSION_BYTES] !== SEPARATOR ||
    row[end] !== SEPARATOR
  )
    throw new RangeError(
      `${row.toString('hex')} is no key of a queue: was another program writing into the table?`,
    );
  const sessionId = reversed(row.readUInt32BE(4)) * HIGH_WORD + reversed(row.readUInt32BE(0));
  return queueKey(tenant, sessionId as SessionId, kind);
}

/** The first seven bits of the queue's key. */
export function queueLane({ sessionId }: QueueKey): number {
  return reversed(sessionId % QUEUE_LANES) >>> (32 - 7);
}

/** Where the regions of a new table begin, but for the first. */
export function laneStarts(): readonly Buffer[] {
  return Array.from({ length: QUEUE_LANES - 1 }, (_, index) => Buffer.from([(index + 1) * 2]));
}

function kindOf(byte: number | undefined): QueueKey['kind'] | undefined {
  if (byte === PENDING) return 'pending';
  return byte === HELD ? 'held' : undefined;
}

/** 32 bits in reverse order: pairs, nibbles, bytes and halves change places. */
function reversed(word: number): number {
  let bits = word;
  bits = ((bits >>> 1) & 0x5555_5555) | ((bits & 0x5555_5555) << 1);
  bits = ((bits >>> 2) & 0x3333_3333) | ((bits & 0x3333_3333) << 2);
  bits = ((bits >>> 4) & 0x0f0f_0f0f) | ((bits & 0x0f0f_0f0f) << 4);
  bits = ((bits >>> 8) & 0x00ff_00ff) | ((bits & 0x00ff_00ff) << 8);
  return ((bits >>> 16) | (bits << 16)) >>> 0;
}
