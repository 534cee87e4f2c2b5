/** What all connections of a broker share. */
import type { BrokerLimits } from '../broker/limits.ts';
import type { ChunkPool } from './chunk-pool.ts';
import type { Connection } from './connection.ts';
import type { DeadlineWheel } from './deadline-wheel.ts';
import type { Traffic } from './traffic.ts';
import type { TurnQueue } from './turn-queue.ts';

export type ConnectionLimits = Pick<
  BrokerLimits,
  'packetBytesMax' | 'connectTimeoutMs' | 'outboxBytesHigh' | 'stallTimeoutMs'
>;

export interface ConnectionContext {
  readonly limits: ConnectionLimits;
  readonly wheel: DeadlineWheel;
  readonly turn: TurnQueue;
  readonly chunks: ChunkPool;
  readonly traffic: Traffic;
  /** false: others may be acting for this broker; nothing a client says is taken and nothing is said to it. */
  readonly mayServe: () => boolean;
  /** The stream is gone, and nothing of the connection is left to do. */
  onGone(connection: Connection): void;
}
