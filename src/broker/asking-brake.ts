/**
 * Holds back a client that asks faster than it can be answered: above a number of answers that wait for the store it is
 * read no further, below half of it it is read on. What a client asks for is felt by that client, never by memory. It also
 * keeps what a client publishes behind the SUBSCRIBE and UNSUBSCRIBE packets before it.
 */
import type { ProtocolLevel } from '../mqtt/packets.ts';
import type { ClientLink } from './client-link.ts';
import type { BrokerLimits } from './limits.ts';

/** An MQTT 5 client that keeps to the receive maximum waits for one answer per message, PUBREC or PUBCOMP, and no more. */
const ANSWERS_PER_MESSAGE = 2;

export class AskingBrake {
  /** New filters in the requests under way. */
  filters = 0;
  readonly #link: ClientLink;
  /** Acknowledgements that may wait. MQTT 3 clients know no receive maximum: being read no further is how they learn. */
  readonly #answersMax: number;
  readonly #requestsMax: number;
  #requests = 0;
  /** Waits for the requests before it. */
  #next: (() => void) | undefined;
  #holdsForRequests = false;
  #holdsForAnswers = false;

  constructor(
    link: ClientLink,
    level: ProtocolLevel,
    limits: Pick<BrokerLimits, 'receiveMaximum' | 'requestsMax'>,
  ) {
    this.#link = link;
    this.#answersMax = limits.receiveMaximum * (level < 5 ? 1 : ANSWERS_PER_MESSAGE);
    this.#requestsMax = limits.requestsMax;
  }

  /** So many acknowledgements are owed now. */
  answersWait(count: number): void {
    if (!this.#holdsForAnswers && count >= this.#answersMax) {
      this.#holdsForAnswers = true;
      this.#link.pauseReading('acks');
    } else if (this.#holdsForAnswers && count * 2 <= this.#answersMax) {
      this.#holdsForAnswers = false;
      this.#link.resumeReading('acks');
    }
  }

  /** A request waits for the event log. Call what is returned, once, when it is answered. */
  begin(newFilters: number): () => void {
    this.filters += newFilters;
    this.#requests++;
    this.#holdOrRelease();
    return () => {
      this.filters -= newFilters;
      this.#requests--;
      const next = this.#next;
      if (this.#requests === 0 && next !== undefined) {
        this.#next = undefined;
        next();
      }
      this.#holdOrRelease();
    };
  }

  get hasRequests(): boolean {
    return this.#requests > 0;
  }

  /** Runs `act` when all requests under way are answered. The client is read no further until then, so there is one at most. */
  afterRequests(act: () => void): void {
    this.#next = act;
    this.#holdOrRelease();
  }

  #holdOrRelease(): void {
    const holds = this.#requests >= this.#requestsMax || this.#next !== undefined;
    if (holds === this.#holdsForRequests) return;
    this.#holdsForRequests = holds;
    if (holds) this.#link.pauseReading('requests');
    else this.#link.resumeReading('requests');
  }
}
