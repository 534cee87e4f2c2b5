/**
 * Produce, version 7: record batches of one topic to the broker that leads their partitions. A partition's failure is its own.
 *
 *     request  => transactionalId acks timeout [topic [partition records]]
 *     response => [topic [partition errorCode baseOffset logAppendTime logStartOffset]] throttleTime
 */
import Encoder from 'kafkajs/src/protocol/encoder.js';
import type { ProtocolCall } from 'kafkajs/src/network/connectionPool.js';
import type { Offset } from '../../../event-log/event-log.ts';

const PRODUCE = 0;
const VERSION = 7;
const ACKS_ALL = -1;
const RECORDS_OVERHEAD_BYTES = 8;
const HEAD_BYTES_MAX = 1_024;

export interface PartitionBatch {
  readonly partition: number;
  readonly batch: Buffer;
}

export interface PartitionProduced {
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: Offset;
}

interface ProduceResponse {
  readonly partitions: readonly PartitionProduced[];
  readonly clientSideThrottleTime: number;
}

/** `replicationMs`: how long the leader waits for the replicas before it answers that they are late. */
export function produceCall(
  topic: string,
  batches: readonly PartitionBatch[],
  replicationMs: number,
): ProtocolCall<ProduceResponse, readonly PartitionProduced[]> {
  return {
    request: {
      apiKey: PRODUCE,
      apiVersion: VERSION,
      apiName: 'Produce',
      encode: () => Promise.resolve(encodeRequest(topic, batches, replicationMs)),
    },
    response: {
      decode: (payload) => Promise.resolve(decodeResponse(payload)),
      parse: ({ partitions }) => Promise.resolve(partitions),
    },
  };
}

function encodeRequest(topic: string, batches: readonly PartitionBatch[], replicationMs: number): Encoder {
  const bytes = batches.reduce(
    (sum, { batch }) => sum + batch.length + RECORDS_OVERHEAD_BYTES,
    HEAD_BYTES_MAX,
  );
  const encoder = new Encoder(bytes)
    .writeString(null)
    .writeInt16(ACKS_ALL)
    .writeInt32(replicationMs)
    .writeInt32(1)
    .writeString(topic)
    .writeInt32(batches.length);
  for (const { partition, batch } of batches)
    encoder.writeInt32(partition).writeInt32(batch.length).writeBuffer(batch);
  return encoder;
}

function decodeResponse(payload: Buffer): ProduceResponse {
  const partitions: PartitionProduced[] = [];
  let at = 4;
  for (let topics = payload.readInt32BE(0); topics > 0; topics--) {
    at += 2 + payload.readInt16BE(at);
    const count = payload.readInt32BE(at);
    at += 4;
    for (let index = 0; index < count; index++) {
      partitions.push({
        partition: payload.readInt32BE(at),
        errorCode: payload.readInt16BE(at + 4),
        baseOffset: Number(payload.readBigInt64BE(at + 6)) as Offset,
      });
      at += 30; // Behind the offset: the append time and the log's start, 8 bytes each.
    }
  }
  return { partitions, clientSideThrottleTime: payload.readInt32BE(at) };
}
