/** One measure of one client (messages in, bytes in, bytes out): what it used, of its own rate and of its tenant's, and whether it has to wait. */
import type { SharedRate, LineMember } from './shared-rate.ts';
import type { QuotaName } from './tenant-limits.ts';
import type { TokenBucket } from './token-bucket.ts';
import { Waiter, type WakeClock } from './wake-clock.ts';

export interface MeterOptions {
  readonly names: { readonly own: QuotaName; readonly shared: QuotaName };
  /** undefined: the client has no rate of its own. */
  readonly own: TokenBucket | undefined;
  /** undefined: the tenant has none. */
  readonly shared: SharedRate | undefined;
  readonly wakes: WakeClock;
  readonly nowMs: () => number;
  /** It has to wait from now on, for that reason. */
  readonly onHeld: (quota: QuotaName) => void;
  /** Perhaps it need not wait any longer: see `isHeld`. */
  readonly onReleased: () => void;
}

export class Meter extends Waiter implements LineMember {
  grant = 0;
  readonly #options: MeterOptions;
  #waitsForOwn = false;
  #waitsInLine = false;

  constructor(options: MeterOptions) {
    super();
    this.#options = options;
  }

  get isHeld(): boolean {
    return this.#waitsForOwn || this.#waitsInLine;
  }

  get own(): TokenBucket | undefined {
    return this.#options.own;
  }

  /** It has been used already. */
  spend(count: number): void {
    const { names, own, shared, wakes, onHeld } = this.#options;
    const nowMs = this.#options.nowMs();
    if (own !== undefined) {
      own.spend(count, nowMs);
      if (!this.#waitsForOwn && own.isEmpty(nowMs)) {
        this.#waitsForOwn = true;
        wakes.at(this, own.waitMs(nowMs));
        onHeld(names.own);
      }
    }
    if (shared?.spend(this, count, nowMs) === true && !this.#waitsInLine) {
      this.#waitsInLine = true;
      onHeld(names.shared);
    }
  }

  released(): void {
    this.#waitsInLine = false;
    this.#options.onReleased();
  }

  override wake(): void {
    const { own, wakes } = this.#options;
    const waitMs = own?.waitMs(this.#options.nowMs()) ?? 0;
    if (waitMs > 0) {
      wakes.at(this, waitMs);
      return;
    }
    this.#waitsForOwn = false;
    this.#options.onReleased();
  }

  /** Waits for nothing any more; of no use afterwards. */
  end(): void {
    this.#options.wakes.cancel(this);
    this.#options.shared?.leave(this);
    this.#waitsForOwn = this.#waitsInLine = false;
  }
}
