/** The subscribers of one tenant that have been needed so far; each is made once and kept until it is deleted. */
import { ObjectColumn } from '../packed/object-column.ts';
import type { Subscriber, Subscribers } from './subscriber.ts';

export class SubscriberDirectory implements Subscribers {
  readonly #known = new ObjectColumn<Subscriber>();
  readonly #make: (number: number) => Subscriber;

  /** `make` is called for a number that is in use and has no subscriber yet. */
  constructor(make: (number: number) => Subscriber) {
    this.#make = make;
  }

  get(number: number): Subscriber {
    const known = this.#known.get(number);
    if (known !== undefined) return known;
    const subscriber = this.#make(number);
    this.#known.set(number, subscriber);
    return subscriber;
  }

  peek(number: number): Subscriber | undefined {
    return this.#known.get(number);
  }

  set(subscriber: Subscriber): void {
    this.#known.set(subscriber.number, subscriber);
  }

  delete(number: number): void {
    this.#known.delete(number);
  }
}
