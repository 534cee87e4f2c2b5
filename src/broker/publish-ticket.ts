/**
 * One PUBLISH on its way to being durable: counts what it still waits for (queues, the retained log) and tells
 * its owner once: when nothing is left, for only then may an acknowledgement leave, or when the first of it failed.
 */
import { REASON, type ReasonCode } from '../mqtt/reason-code.ts';
import type { CrowdedPart } from './publisher-brake.ts';

export interface TicketOwner {
  /** Everything the publish waited for is decided, or `failed`; else `reasonCode` says how. */
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
  /** A part of the store that it waits for and that holds too much already: its publisher is to be stopped. */
  #crowded: CrowdedPart | undefined;
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

  get crowded(): CrowdedPart | undefined {
    return this.#crowded;
  }

  waitForCrowded(part: CrowdedPart): void {
    this.#crowded = part;
  }

  refuse(reasonCode: ReasonCode): void {
    this.reasonCode = reasonCode;
    this.settle();
  }

  /**
   * Tells the owner without waiting for the rest: the publisher has to be stopped before anything it sends after this
   * message gets into the queue that has not got this one.
   */
  fail(): void {
    this.#waiting--;
    if (this.failed) return;
    this.failed = true;
    this.owner.publishSettled(this);
  }

  /** One thing is decided. The publisher settles once itself after it handed the message to everybody. */
  settle(): void {
    this.#waiting--;
    if (this.#waiting === 0 && !this.failed) this.owner.publishSettled(this);
  }
}
