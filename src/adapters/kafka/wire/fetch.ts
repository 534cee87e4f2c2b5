/**
 * Fetch, version 11, of committed records, without a fetch session and without a consumer group. The answer's records stay
 * bytes: `record-batch.ts` reads them.
 *
 *     response => throttleTime errorCode sessionId [topic [partition errorCode highWatermark lastStableOffset
 *                 logStartOffset [producerId firstOffset] preferredReadReplica records]]
 */
import type { ProtocolCall } from 'kafkajs/src/network/connectionPool.js';
import kafkajsRequests from 'kafkajs/src/protocol/requests/index.js';
import type { Offset } from '../../../event-log/event-log.ts';
import type { AbortedTransaction } from './record-batch.ts';

const FETCH = kafkajsRequests.requests.Fetch.protocol({ version: 11 });
const READ_COMMITTED = 1;

export interface FetchPosition {
  readonly partition: number;
  readonly fetchOffset: Offset;
  readonly maxBytes: number;
}

export interface FetchBounds {
  /** How long the broker may wait for a first byte. */
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
}

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly logStartOffset: Offset;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

interface FetchResponse {
  readonly partitions: readonly FetchedPartition[];
  readonly clientSideThrottleTime: number;
}

/** Milliseconds on top of `maxWaitTime` before an answer counts as missing. */
export function fetchCall(
  topic: string,
  positions: readonly FetchPosition[],
  bounds: FetchBounds,
  graceMs: number,
): ProtocolCall<FetchResponse, readonly FetchedPartition[]> {
  const { request } = FETCH({
    ...bounds,
    isolationLevel: READ_COMMITTED,
    topics: [{ topic, partitions: [...positions] }],
  });
  return {
    request,
    response: {
      decode: (payload) => Promise.resolve(decodeResponse(payload)),
      parse: ({ partitions }) => Promise.resolve(partitions),
    },
    requestTimeout: bounds.maxWaitTime + graceMs,
  };
}

function decodeResponse(payload: Buffer): FetchResponse {
  const partitions: FetchedPartition[] = [];
  let at = 10; // Throttle time, error of the session, session.
  let topics = payload.readInt32BE(at);
  for (at += 4; topics > 0; topics--) {
    at += 2 + payload.readInt16BE(at);
    let count = payload.readInt32BE(at);
    for (at += 4; count > 0; count--) at = readPartition(payload, at, partitions);
  }
  return { partitions, clientSideThrottleTime: payload.readInt32BE(0) };
}

/** Returns where the next partition begins. */
function readPartition(payload: Buffer, start: number, partitions: FetchedPartition[]): number {
  const partition = payload.readInt32BE(start);
  const errorCode = payload.readInt16BE(start + 4);
  const logStartOffset = Number(payload.readBigInt64BE(start + 22)) as Offset;
  const aborted: AbortedTransaction[] = [];
  let count = payload.readInt32BE(start + 30);
  let at = start + 34;
  for (; count > 0; count--) {
    aborted.push({
      producerId: payload.readBigInt64BE(at),
      firstOffset: Number(payload.readBigInt64BE(at + 8)),
    });
    at += 16;
  }
  const bytes = Math.max(0, payload.readInt32BE(at + 4)); // Behind the preferred replica; -1 is none.
  const records = payload.subarray(at + 8, at + 8 + bytes);
  partitions.push({ partition, errorCode, logStartOffset, aborted, records });
  return at + 8 + bytes;
}
