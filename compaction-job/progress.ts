/** Says how far a pass is: a line when a step ends, and every few seconds while it goes on, with counts and rates. */

const LINE_EVERY_MS = 5_000;

export interface ProgressOptions {
  readonly write: (line: string) => void;
  /** Milliseconds that never jump. */
  readonly monotonicMs: () => number;
}

export class Progress {
  readonly #options: ProgressOptions;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** `things`: what is counted, in the plural. */
  step(name: string, things: string): ProgressStep {
    return new ProgressStep(this.#options, name, things);
  }
}

export class ProgressStep {
  readonly #options: ProgressOptions;
  readonly #name: string;
  readonly #things: string;
  readonly #startedMs: number;
  #shownMs: number;
  #count = 0;

  constructor(options: ProgressOptions, name: string, things: string) {
    this.#options = options;
    this.#name = name;
    this.#things = things;
    this.#startedMs = options.monotonicMs();
    this.#shownMs = this.#startedMs;
  }

  /** Bound, so that it can be passed on. */
  readonly add = (count: number): void => {
    this.#count += count;
    const nowMs = this.#options.monotonicMs();
    if (nowMs - this.#shownMs < LINE_EVERY_MS) return;
    this.#shownMs = nowMs;
    this.#options.write(this.#line('so far', nowMs));
  };

  end(): void {
    this.#options.write(this.#line('done', this.#options.monotonicMs()));
  }

  #line(state: string, nowMs: number): string {
    const seconds = (nowMs - this.#startedMs) / 1_000;
    const rate = seconds > 0 ? Math.round(this.#count / seconds) : this.#count;
    return `${this.#name}: ${this.#count} ${this.#things} ${state}, ${seconds.toFixed(1)} s, ${rate}/s`;
  }
}
