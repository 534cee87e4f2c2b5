/** What a load process is told, as JSON on its command line. */

interface Load {
  readonly zookeeperQuorum: string;
  /** `namespace:table`. */
  readonly table: string;
  readonly queues: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

export interface CallsLoad extends Load {
  readonly kind: 'calls';
  readonly messagesPerCall: number;
}

export interface PublishersLoad extends Load {
  readonly kind: 'publishers';
  /** Absent: as many as the store takes. */
  readonly ratePerSecond?: number;
  /** Messages are trimmed this long after they became durable. Absent: never. */
  readonly trimAfterMs?: number;
}

export type StoreLoad = CallsLoad | PublishersLoad;
