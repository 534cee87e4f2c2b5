/** A process that dies at one of its calls to its stores: every call is counted, and none is made behind the last. */

/** What whoever makes a call behind the last one gets; a process that is dead would get nothing. */
export class Killed extends Error {}

export class CountedLife {
  calls = 0;
  /** Resolves when it dies. */
  readonly killed: Promise<void>;
  readonly #callsMax: number;
  readonly #lastCounts: boolean;
  #die: () => void = () => undefined;

  /** `lastCounts`: the last call has its effect, and nobody hears of it. */
  constructor(callsMax: number, lastCounts: boolean) {
    this.#callsMax = callsMax;
    this.#lastCounts = lastCounts;
    this.killed = new Promise((resolve) => (this.#die = resolve));
  }

  get isOver(): boolean {
    return this.calls >= this.#callsMax;
  }

  of<T extends object>(store: T): T {
    return new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: readonly unknown[]): unknown => {
          this.calls++;
          if (this.calls < this.#callsMax) return Reflect.apply(member, target, args);
          this.#die();
          if (this.calls > this.#callsMax || !this.#lastCounts) throw new Killed();
          const result: unknown = Reflect.apply(member, target, args);
          return result instanceof Promise ? result.then(() => Promise.reject(new Killed())) : result;
        };
      },
    });
  }
}
