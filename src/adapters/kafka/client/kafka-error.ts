/** Kafka's error codes as far as this adapter tells them apart, and what each means for whoever asked. */

const NAMES = new Map([
  [1, 'OFFSET_OUT_OF_RANGE'],
  [2, 'CORRUPT_MESSAGE'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [5, 'LEADER_NOT_AVAILABLE'],
  [6, 'NOT_LEADER_OR_FOLLOWER'],
  [7, 'REQUEST_TIMED_OUT'],
  [10, 'MESSAGE_TOO_LARGE'],
  [13, 'NETWORK_EXCEPTION'],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS'],
  [15, 'COORDINATOR_NOT_AVAILABLE'],
  [18, 'RECORD_LIST_TOO_LARGE'],
  [19, 'NOT_ENOUGH_REPLICAS'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'],
  [29, 'TOPIC_AUTHORIZATION_FAILED'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED'],
  [32, 'INVALID_TIMESTAMP'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  [47, 'INVALID_PRODUCER_EPOCH'],
  [56, 'KAFKA_STORAGE_ERROR'],
  [59, 'UNKNOWN_PRODUCER_ID'],
  [74, 'FENCED_LEADER_EPOCH'],
  [75, 'UNKNOWN_LEADER_EPOCH'],
  [78, 'OFFSET_NOT_AVAILABLE'],
  [87, 'INVALID_RECORD'],
  [89, 'THROTTLING_QUOTA_EXCEEDED'],
]);

/** They pass by themselves: the leader moves, replicas come back, the disk recovers. */
const PASSING = new Set([2, 3, 5, 6, 7, 13, 14, 15, 19, 20, 56, 74, 75, 78, 89]);

const OFFSET_OUT_OF_RANGE = 1;

const ADVICE = new Map([
  [10, "raise the topic's max.message.bytes, or lower the size of what is stored"],
  [18, "raise the topic's segment.bytes: no batch may be bigger"],
  [29, 'give the user of this broker Read, Write and Describe on the topic'],
  [31, 'give the user of this broker IdempotentWrite on the cluster'],
  [32, "set the topic's message.timestamp.after.max.ms to the largest number, or correct the clocks"],
]);

/** Kafka has answered, and the answer is no. */
export class KafkaAnswerError extends Error {
  override readonly name = 'KafkaAnswerError';
  readonly code: number;
  /** Whether the same request may succeed later. */
  readonly passing: boolean;
  readonly outOfRange: boolean;
  /** What to do about it, when something can be done. */
  readonly advice: string | undefined;

  constructor(code: number, where: string) {
    super(`${where}: Kafka answered ${NAMES.get(code) ?? 'with an error'} (${code})`);
    this.code = code;
    this.passing = PASSING.has(code);
    this.outOfRange = code === OFFSET_OUT_OF_RANGE;
    this.advice = ADVICE.get(code);
  }
}

/** No answer came: what was asked may have been done. */
export class KafkaUnreachableError extends Error {
  override readonly name = 'KafkaUnreachableError';

  constructor(what: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Whether asking again, perhaps another broker, may help. */
export function isPassing(error: unknown): boolean {
  return error instanceof KafkaUnreachableError || (error instanceof KafkaAnswerError && error.passing);
}

export function assertAccepted(code: number, where: string): void {
  if (code !== 0) throw new KafkaAnswerError(code, where);
}
