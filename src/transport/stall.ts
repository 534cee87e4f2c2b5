/** The time in which a socket took nothing of what waits for it, against a deadline. */
import { Watched } from './deadline-wheel.ts';

export class Stall extends Watched {
  readonly #onStalled: () => void;

  constructor(onStalled: () => void) {
    super();
    this.#onStalled = onStalled;
  }

  override onDeadline(): void {
    this.#onStalled();
  }
}
