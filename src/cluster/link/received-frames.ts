/**
 * One direction of a link at the receiver: what one incarnation has sent and what became of it, across its connections. Decides
 * which frames are handed over, and what is confirmed; hands over and writes nothing itself.
 */
import type { Confirmation, HandledRun } from '../wire/peer-message.ts';

const NO_REPLY = Buffer.alloc(0);
/** Of runs and replies in one confirmation, about; what is left is the next one's. */
const CONFIRMATION_BYTES_MAX = 65_536;
const RUN_BYTES = 16;

/** `new`: to be handed over. `duplicate`: it was, and is handled or will be. `gap`: one before it is missing. */
export type Arrival = 'new' | 'duplicate' | 'gap';

export class ReceivedFrames {
  /** Highest number that arrived: all before it did. */
  #received = 0;
  /** All through here are handled. */
  #through = 0;
  /** Handed over, without an answer yet. */
  readonly #open = new Set<number>();
  /** Handed over in vain: wanted again. */
  readonly #rejected = new Set<number>();
  /** Handled and not confirmed yet, beyond `#through` or with a reply; `count` of the last one grows. */
  #runs: { first: number; count: number; reply: Buffer }[] = [];
  #confirmed = 0;

  /** What the sender need not send again on a new connection. */
  get resumeAfter(): number {
    let after = this.#received;
    for (const number of this.#rejected) after = Math.min(after, number - 1);
    return after;
  }

  /** Frames handed over without an answer. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Something is handled that was not confirmed. */
  get hasNews(): boolean {
    return this.#runs.length > 0 || this.#through > this.#confirmed;
  }

  /** After `new`, exactly one of `opened`, `handled` and `rejected` follows before the next frame. */
  arrive(number: number): Arrival {
    if (number > this.#received + 1) return 'gap';
    if (number > this.#received) {
      this.#received = number;
      return 'new';
    }
    return this.#rejected.delete(number) ? 'new' : 'duplicate';
  }

  /** Its answer comes later. */
  opened(number: number): void {
    this.#open.add(number);
  }

  handled(number: number, reply: Buffer = NO_REPLY): void {
    this.#open.delete(number);
    if (number === this.#through + 1) this.#advance();
    if (reply.length > 0) this.#runs.push({ first: number, count: 1, reply });
    else if (number > this.#through) this.#addToRun(number);
  }

  rejected(number: number): void {
    this.#open.delete(number);
    this.#rejected.add(number);
  }

  /** What was handled since the last one, or a part of it: ask again while there is news. */
  takeConfirmation(): Confirmation {
    let bytes = 0;
    let count = 0;
    for (; count < this.#runs.length && bytes < CONFIRMATION_BYTES_MAX; count++) {
      bytes += RUN_BYTES + (this.#runs[count]?.reply.length ?? 0);
    }
    const runs: readonly HandledRun[] = this.#runs.splice(0, count);
    // Whatever has a reply comes before it is confirmed without one.
    const through = this.#runs.length > 0 ? this.#confirmed : this.#through;
    this.#confirmed = through;
    return { type: 'confirmation', runs, through };
  }

  /** For a new connection: confirmations may have been lost with the one before, so all that is handled is news. */
  restate(): void {
    this.#confirmed = 0;
    this.#runs = this.#runs.filter(({ reply }) => reply.length > 0);
    const replied = new Set(this.#runs.map(({ first }) => first));
    for (let number = this.#through + 1; number <= this.#received; number++) {
      if (!this.#isPending(number) && !replied.has(number)) this.#addToRun(number);
    }
  }

  #advance(): void {
    while (this.#through < this.#received && !this.#isPending(this.#through + 1)) this.#through++;
  }

  #isPending(number: number): boolean {
    return this.#open.has(number) || this.#rejected.has(number);
  }

  #addToRun(number: number): void {
    const last = this.#runs.at(-1);
    if (last?.reply.length === 0 && last.first + last.count === number) last.count++;
    else this.#runs.push({ first: number, count: 1, reply: NO_REPLY });
  }
}
