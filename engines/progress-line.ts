/** One line that says what is going on and for how long; on a terminal it is rewritten in place. */
const TICK_MS = 1_000;

export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class ProgressLine {
  readonly #output: ProgressOutput;
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #text = '';

  constructor(output: ProgressOutput) {
    this.#output = output;
    this.#timer = setInterval(() => this.#draw(), TICK_MS);
    this.#timer.unref();
  }

  tell(text: string): void {
    this.#text = text;
    if (this.#output.isTTY === true) this.#draw();
    else this.#output.write(`${this.#line()}\n`);
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#output.isTTY === true) this.#output.write('\r\x1b[K');
  }

  #draw(): void {
    if (this.#output.isTTY === true) this.#output.write(`\r\x1b[K${this.#line()}`);
  }

  #line(): string {
    const seconds = Math.round((performance.now() - this.#startedMs) / 1_000);
    return `${seconds} s: ${this.#text}`;
  }
}
