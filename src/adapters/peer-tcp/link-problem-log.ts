/**
 * Puts problems of links into the log: the first ones of each interval as they come, of the rest their number, so that a stranger
 * who knocks thousands of times fills no disk.
 */

export interface PeerLinksLog {
  warn(fields: object, message: string): void;
}

const INTERVAL_MS = 10_000;
/** Lines per interval. */
const LINES_MAX = 20;

export class LinkProblemLog {
  readonly #log: PeerLinksLog;
  readonly #nowMs: () => number;
  #intervalEndsMs = 0;
  #lines = 0;
  #leftOut = 0;

  /** `nowMs`: of a clock that only goes forward. */
  constructor(log: PeerLinksLog, nowMs = () => performance.now()) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  report(peer: string, problem: string): void {
    this.#beginInterval();
    if (this.#lines === LINES_MAX) {
      this.#leftOut++;
      return;
    }
    this.#lines++;
    this.#log.warn({ peer, problem }, 'a problem with a peer');
  }

  #beginInterval(): void {
    const nowMs = this.#nowMs();
    if (nowMs < this.#intervalEndsMs) return;
    if (this.#leftOut > 0) this.#log.warn({ problems: this.#leftOut }, 'more problems with peers');
    this.#intervalEndsMs = nowMs + INTERVAL_MS;
    this.#lines = 0;
    this.#leftOut = 0;
  }
}
