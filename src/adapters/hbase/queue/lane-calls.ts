/**
 * Gathers small requests per lane: one call under way, what is asked meanwhile goes together in the next. Thousands of
 * clients that connect or acknowledge at once cost a lane a few calls.
 */

/** Items of one call. */
const ITEMS_MAX = 1_000;

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export class LaneCalls<Item, Answer> {
  /** One answer per item, in their order. */
  readonly #call: (items: readonly Item[]) => Promise<readonly Answer[]>;
  /** Per lane with a call under way: what waits for its end. */
  readonly #waiting = new Map<number, Waiting<Item, Answer>[]>();

  constructor(call: (items: readonly Item[]) => Promise<readonly Answer[]>) {
    this.#call = call;
  }

  add(lane: number, item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = { item, resolve, reject };
      const waiting = this.#waiting.get(lane);
      if (waiting !== undefined) {
        waiting.push(asked);
        return;
      }
      this.#waiting.set(lane, [asked]);
      // What the same turn asks for goes along.
      queueMicrotask(() => void this.#run(lane));
    });
  }

  async #run(lane: number): Promise<void> {
    for (;;) {
      const waiting = this.#waiting.get(lane) ?? [];
      if (waiting.length === 0) {
        this.#waiting.delete(lane);
        return;
      }
      await this.#answer(waiting.splice(0, ITEMS_MAX));
    }
  }

  async #answer(asked: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#call(asked.map(({ item }) => item));
      for (const [index, { resolve, reject }] of asked.entries()) {
        const answer = answers[index];
        if (answer === undefined)
          reject(new RangeError(`${answers.length} answers for ${asked.length} questions`));
        else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
