/**
 * Puts refused connections into the log: the first ones of each interval as they come, the rest as one line with
 * their number, so that whoever knocks thousands of times fills counters and not disks.
 */
import type { Clock } from '../time/clock.ts';
import type { RefusedProxy } from '../transport/proxy-refusal.ts';
import type { Logger } from './logging.ts';

const INTERVAL_MS = 10_000;
/** Lines per interval. */
const LINES_MAX = 10;

export class RefusalLog {
  readonly #logger: Pick<Logger, 'warn' | 'debug'>;
  readonly #clock: Clock;
  #intervalEndsMs = 0;
  #lines = 0;
  #leftOut = 0;

  constructor(logger: Pick<Logger, 'warn' | 'debug'>, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  proxyRefused({ reason, detail, address, listener }: RefusedProxy): void {
    const fields = { reason, detail, address, listener };
    // Health checks of load balancers that only connect are no news.
    if (reason === 'closed') {
      this.#logger.debug(fields, 'connection closed before its PROXY header');
      return;
    }
    this.#beginInterval();
    if (this.#lines === LINES_MAX) {
      this.#leftOut++;
      return;
    }
    this.#lines++;
    this.#logger.warn(fields, 'connection refused: no PROXY header that may be believed');
  }

  #beginInterval(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#intervalEndsMs) return;
    if (this.#leftOut > 0) {
      this.#logger.warn({ connections: this.#leftOut }, 'more connections refused for their PROXY header');
    }
    this.#intervalEndsMs = nowMs + INTERVAL_MS;
    this.#lines = 0;
    this.#leftOut = 0;
  }
}
