/**
 * A rate that all clients of a tenant share at one broker. Who finds nothing left waits in line; as tokens come the line is
 * served from the front, each with an equal part, and whoever has used up its part goes to the end of it.
 */
import type { Clock } from '../time/clock.ts';
import { TokenBucket } from './token-bucket.ts';
import { Waiter, type WakeClock } from './wake-clock.ts';

/** Clients that go on at a time. */
const WOKEN_MAX = 256;

export interface LineMember {
  /** What is left of its part. */
  grant: number;
  /** It may go on. */
  released(): void;
}

export class SharedRate extends Waiter {
  readonly #bucket: TokenBucket;
  readonly #clock: Clock;
  readonly #wakes: WakeClock;
  /** The smallest part that is worth waking somebody for. */
  readonly #part: number;
  /** In line, the first to come first. */
  readonly #line = new Set<LineMember>();

  constructor(ratePerS: number, part: number, clock: Clock, wakes: WakeClock) {
    super();
    this.#bucket = new TokenBucket(ratePerS, clock.nowMs());
    this.#part = part;
    this.#clock = clock;
    this.#wakes = wakes;
  }

  /** Clients in line. */
  get waiting(): number {
    return this.#line.size;
  }

  change(ratePerS: number): void {
    this.#bucket.change(ratePerS, this.#clock.nowMs());
  }

  /** `member` has used so much. true: it has to wait, and is in line. */
  spend(member: LineMember, count: number, nowMs: number): boolean {
    this.#bucket.spend(count, nowMs);
    member.grant -= count;
    const mayGoOn = !this.#bucket.isEmpty(nowMs) && (this.#line.size === 0 || member.grant >= 1);
    if (mayGoOn) return false;
    this.#line.add(member);
    this.#wakeInTime(nowMs);
    return true;
  }

  leave(member: LineMember): void {
    this.#line.delete(member);
    if (this.#line.size === 0) this.#wakes.cancel(this);
  }

  override wake(): void {
    const nowMs = this.#clock.nowMs();
    const tokens = this.#bucket.tokens(nowMs);
    if (tokens >= 1) this.#serve(tokens);
    this.#wakeInTime(nowMs);
  }

  #serve(tokens: number): void {
    const count = Math.min(this.#line.size, WOKEN_MAX, Math.max(1, Math.floor(tokens / this.#part)));
    const served: LineMember[] = [];
    for (const member of this.#line) {
      if (served.length === count) break;
      served.push(member);
    }
    for (const member of served) this.#line.delete(member);
    for (const member of served) {
      member.grant = tokens / count;
      member.released();
    }
  }

  #wakeInTime(nowMs: number): void {
    if (this.#line.size > 0 && this.dueTick < 0) this.#wakes.at(this, this.#bucket.waitMs(nowMs));
  }
}
