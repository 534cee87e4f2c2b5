/** Entries that go to the store in one call, with who has to be told what became of each. */
import type { Counters } from '../metrics/counters.ts';
import { REASON } from '../mqtt/reason-code.ts';
import type { AppendEntry, AppendLanes, AppendResult, Seq, TotalBound } from '../queue/durable-queue.ts';
import type { QueuedMessage } from '../queue/message.ts';
import type { PublishTicket } from './publish-ticket.ts';

/** Who is told that a message became durable in a queue. */
export interface AppendReceiver {
  readonly counters: Counters;
  /** Nobody is connected who takes messages out of the queue; default: somebody is. */
  readonly isAway?: boolean;
  appended(seq: Seq, queued: QueuedMessage): void;
  /** Durable through `seq`, by an earlier attempt whose answer was lost. */
  reached(seq: Seq): void;
  /** The queue had no room, or all queues of the tenant together; default: it is only counted. */
  queueFull?(tenantFull: TotalBound | undefined): void;
}

export class AppendBatch {
  readonly entries: AppendEntry[] = [];
  readonly #receivers: AppendReceiver[] = [];
  readonly #tickets: (PublishTicket | undefined)[] = [];
  #bytes = 0;
  #givenUp = false;

  /** Message bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The store gave no answer in time: tickets have failed. */
  get givenUp(): boolean {
    return this.#givenUp;
  }

  isFull(bounds: Pick<AppendLanes, 'entriesMax' | 'bytesMax'>): boolean {
    return this.entries.length >= bounds.entriesMax || this.#bytes >= bounds.bytesMax;
  }

  add(entry: AppendEntry, bytes: number, receiver: AppendReceiver, ticket: PublishTicket | undefined): void {
    this.entries.push(entry);
    this.#receivers.push(receiver);
    this.#tickets.push(ticket);
    this.#bytes += bytes;
    ticket?.expect();
  }

  failTickets(): void {
    if (this.#givenUp) return;
    this.#givenUp = true;
    for (const [index, ticket] of this.#tickets.entries()) {
      const receiver = this.#receivers[index];
      if (receiver !== undefined) receiver.counters.storeFailures++;
      this.#tickets[index] = undefined;
      ticket?.fail();
    }
  }

  /** Readers hear of each entry before its publisher does. */
  settle(results: readonly AppendResult[]): void {
    for (let index = 0; index < this.entries.length; index++) {
      const entry = this.entries[index];
      const receiver = this.#receivers[index];
      const result = results[index];
      if (entry === undefined || receiver === undefined || result === undefined) continue;
      settleOne(entry, receiver, this.#tickets[index], result);
    }
  }
}

function settleOne(
  entry: AppendEntry,
  receiver: AppendReceiver,
  ticket: PublishTicket | undefined,
  result: AppendResult,
): void {
  switch (result.status) {
    case 'stored':
      if (result.evicted > 0) {
        receiver.counters.drop('queueEvicted', result.evicted);
        receiver.queueFull?.(result.tenantFull);
      }
      receiver.appended(result.seq, entry.queued);
      ticket?.settle();
      return;
    case 'repeat':
      receiver.reached(result.seq);
      ticket?.settle();
      return;
    case 'dropped':
      receiver.counters.drop('queueFull');
      receiver.queueFull?.(result.tenantFull);
      ticket?.settle();
      return;
    case 'rejected':
      receiver.counters.drop('queueFull');
      receiver.queueFull?.(result.tenantFull);
      ticket?.refuse(REASON.quotaExceeded);
      return;
  }
}
