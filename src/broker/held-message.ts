/** One QoS 2 message of a persistent session between PUBLISH and PUBCOMP: how far it has come. */
import type { Counters } from '../metrics/counters.ts';
import type { Seq, TotalBound } from '../queue/durable-queue.ts';
import type { Message } from '../queue/message.ts';
import type { AppendReceiver } from './append-batch.ts';

export class HeldMessage implements AppendReceiver {
  readonly counters: Counters;
  readonly packetId: number;
  /** Members of shared groups that are to get it; on record with it. */
  readonly chosen: readonly number[] | undefined;
  /** undefined: not durable yet, or durable at a position that has to be looked up, see `reached`. */
  seq: Seq | undefined = undefined;
  /** undefined: read it from the store. */
  message: Message | undefined;
  isDurable = false;
  /** The client asked for its release. */
  releasing = false;
  /** Given to its subscribers' queues: what follows may go there too. */
  staged = false;
  /** undefined: it has been held before. */
  onQueueFull: ((tenantFull: TotalBound | undefined) => void) | undefined;

  constructor(
    counters: Counters,
    packetId: number,
    message: Message | undefined,
    chosen: readonly number[] | undefined,
  ) {
    this.counters = counters;
    this.packetId = packetId;
    this.message = message;
    this.chosen = chosen;
  }

  appended(seq: Seq): void {
    this.seq = seq;
    this.isDurable = true;
  }

  queueFull(tenantFull: TotalBound | undefined): void {
    this.onQueueFull?.(tenantFull);
  }

  /** An attempt whose answer was lost had stored it; `seq` is not its own. */
  reached(): void {
    this.seq = undefined;
    this.isDurable = true;
  }
}
