/** Bytes of retained messages that wait for their log, of all tenants: felt by publishers as what waits for the queues is. */
export class StagedRetained {
  readonly #onSettled: () => void;
  #bytes = 0;

  /** `onSettled`: they became fewer. */
  constructor(onSettled: () => void) {
    this.#onSettled = onSettled;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  settle(bytes: number): void {
    this.#bytes -= bytes;
    this.#onSettled();
  }
}
