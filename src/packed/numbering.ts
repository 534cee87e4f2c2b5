/** Numbers for things that come and go: small ones, those given back first. */
export class Numbering {
  readonly #givenBack: number[] = [];
  #next = 0;

  /** Every number in use is below this. */
  get end(): number {
    return this.#next;
  }

  take(): number {
    return this.#givenBack.pop() ?? this.#next++;
  }

  giveBack(number: number): void {
    this.#givenBack.push(number);
  }
}
