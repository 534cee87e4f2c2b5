/**
 * What the queues of each tenant hold together, for a store that has to walk through all of them to know: as of the last walk, and
 * what was told since that walk began. What the walk saw and was told as well counts twice until the next one; never less than
 * was counted and told.
 */
import type { TenantId } from '../tenancy/identity.ts';
import type { QueueTotal } from './durable-queue.ts';
import { TenantTotals } from './tenant-totals.ts';

/** A walk under way. `end` has to follow, whatever becomes of it. */
export class TotalCount {
  readonly found = new TenantTotals();
  /** Told since it began. */
  readonly since = new TenantTotals();
  readonly number: number;
  readonly #estimate: EstimatedTotals;

  constructor(number: number, estimate: EstimatedTotals) {
    this.number = number;
    this.#estimate = estimate;
  }

  /** It has seen every queue: what it found counts from now on. */
  finish(): void {
    this.#estimate.finished(this);
  }

  end(): void {
    this.#estimate.ended(this);
  }
}

export class EstimatedTotals {
  #last = new TotalCount(0, this);
  #begun = 0;
  readonly #underWay = new Set<TotalCount>();

  of(tenant: TenantId): QueueTotal {
    const [found, since] = [this.#last.found.peek(tenant), this.#last.since.peek(tenant)];
    return { messages: found.messages + since.messages, bytes: found.bytes + since.bytes };
  }

  /** It is in a queue now, and will be for a while. */
  tell(tenant: TenantId, bytes: number): void {
    this.#last.since.of(tenant).add(1, bytes);
    for (const { since } of this.#underWay) since.of(tenant).add(1, bytes);
  }

  begin(): TotalCount {
    const count = new TotalCount(++this.#begun, this);
    this.#underWay.add(count);
    return count;
  }

  /** See `TotalCount.finish`. One that was begun before the last that finished knows less than that. */
  finished(count: TotalCount): void {
    this.#underWay.delete(count);
    if (count.number > this.#last.number) this.#last = count;
  }

  ended(count: TotalCount): void {
    this.#underWay.delete(count);
  }
}
