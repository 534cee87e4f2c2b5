/**
 * One PUBLISH on its way to being durable: counts what it still waits for (queues, the retained log) and tells
 * its owner once, when nothing is left. Only then may an acknowledgement leave.
 */
import { REASON, type ReasonCode } from '../mqtt/reason-code.ts';

export interface TicketOwner {
  /** Everything the publish waited for is decided; look at `failed` and `reasonCode`. */
  publishSettled(ticket: PublishTicket): void;
}

export class PublishTicket {
  readonly owner: TicketOwner;
  /** The owner's number for it: the slot of the acknowledgement. */
  readonly slot: number;
  readonly startedAtMs: number;
  /** What the acknowledgement will say; ≥ 0x80 when a queue or quota refused the message. */
  reasonCode: ReasonCode = REASON.success;
  /** The store gave no answer in time: there must be no acknowledgement. */
  failed = false;
  /** One for the publisher itself, see `settle`. */
  #waiting = 1;

  constructor(owner: TicketOwner, slot: number, startedAtMs: number) {
    this.owner = owner;
    this.slot = slot;
    this.startedAtMs = startedAtMs;
  }

  /** One more thing to wait for. */
  expect(): void {
    this.#waiting++;
  }

  refuse(reasonCode: ReasonCode): void {
    this.reasonCode = reasonCode;
    this.settle();
  }

  fail(): void {
    this.failed = true;
    this.settle();
  }

  /** One thing is decided. The publisher settles once itself after it handed the message to everybody. */
  settle(): void {
    this.#waiting--;
    if (this.#waiting === 0) this.owner.publishSettled(this);
  }
}
