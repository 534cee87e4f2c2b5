/** Where clients connect: through the proxy in front, or to one broker after the other. */
import type { BrokerAddress } from '../../src/fleet/radio-link.ts';

export type NextAddress = () => BrokerAddress;

export class AddressBook {
  readonly #front: BrokerAddress | undefined;
  readonly brokers: readonly BrokerAddress[];
  #round = 0;

  constructor(front: BrokerAddress | undefined, brokers: readonly BrokerAddress[]) {
    if (brokers.length === 0) throw new RangeError('no brokers to connect to');
    this.#front = front;
    this.brokers = brokers;
  }

  /** Always the proxy; without one, as `oneByOne`. */
  throughFront(first: number): NextAddress {
    const front = this.#front;
    return front === undefined ? this.oneByOne(first) : () => front;
  }

  /** Everybody's next connection goes to where the first one went. */
  beginAnew(): void {
    this.#round++;
  }

  /** Each connection goes to the broker after that of the one before, beginning with the broker at place `first`. */
  oneByOne(first: number): NextAddress {
    let next = first;
    let round = this.#round;
    return () => {
      if (round !== this.#round) {
        round = this.#round;
        next = first;
      }
      const address = this.brokers[next++ % this.brokers.length];
      if (address === undefined) throw new RangeError('no brokers to connect to');
      return address;
    };
  }
}
