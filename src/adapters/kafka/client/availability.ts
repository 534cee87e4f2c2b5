/**
 * Whether Kafka is there, told from what its users see: unavailable once one of them has failed for longer than a grace
 * period without a success, available again when all of them work. A short failure, such as a leader's move, is none.
 */

export type KafkaState =
  | { readonly available: true; readonly awayMs: number }
  | { readonly available: false; readonly cause: unknown };

interface Failure {
  readonly sinceMs: number;
  error: unknown;
}

export class Availability {
  readonly #graceMs: number;
  readonly #onState: (state: KafkaState) => void;
  readonly #failures = new Map<string, Failure>();
  #unavailableSinceMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(graceMs: number, onState: (state: KafkaState) => void) {
    this.#graceMs = graceMs;
    this.#onState = onState;
  }

  get available(): boolean {
    return this.#unavailableSinceMs === undefined;
  }

  failing(user: string, error: unknown): void {
    const failure = this.#failures.get(user);
    if (failure === undefined) this.#failures.set(user, { sinceMs: performance.now(), error });
    else failure.error = error;
    if (this.#unavailableSinceMs === undefined)
      this.#timer ??= setTimeout(() => this.#afterGrace(), this.#graceMs);
  }

  working(user: string): void {
    if (!this.#failures.delete(user) || this.#failures.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unavailableSinceMs === undefined) return;
    const awayMs = performance.now() - this.#unavailableSinceMs;
    this.#unavailableSinceMs = undefined;
    this.#onState({ available: true, awayMs });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#failures.clear();
  }

  #afterGrace(): void {
    this.#timer = undefined;
    const [oldest] = [...this.#failures.values()].sort((a, b) => a.sinceMs - b.sinceMs);
    if (oldest === undefined) return;
    const ageMs = performance.now() - oldest.sinceMs;
    if (ageMs < this.#graceMs) {
      this.#timer = setTimeout(() => this.#afterGrace(), this.#graceMs - ageMs);
      return;
    }
    this.#unavailableSinceMs = oldest.sinceMs;
    this.#onState({ available: false, cause: oldest.error });
  }
}
