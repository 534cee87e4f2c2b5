/**
 * The subscribers of one tenant that have been needed so far; each is made once and kept until it is deleted. Beside the sessions
 * on record, which have their clients' numbers, there are guests: other brokers that stand for sessions of their own.
 */
import { ObjectColumn } from '../packed/object-column.ts';
import type { Subscriber, Subscribers } from './subscriber.ts';

/** Below what trees and tables use to say that there is nothing. */
const FIRST_GUEST = -16;

export class SubscriberDirectory implements Subscribers {
  readonly #known = new ObjectColumn<Subscriber>();
  readonly #make: (number: number) => Subscriber;
  readonly #isConnected: (number: number) => boolean;
  /** By their numbers, which are negative. */
  readonly #guests = new Map<number, Subscriber>();
  #lastGuest = FIRST_GUEST;

  /** `make` is called for a number that is in use and has no subscriber yet. `isConnected`: to any broker. */
  constructor(make: (number: number) => Subscriber, isConnected: (number: number) => boolean) {
    this.#make = make;
    this.#isConnected = isConnected;
  }

  /** `make` is given the number it is to have. */
  admit(make: (number: number) => Subscriber): Subscriber {
    const guest = make(--this.#lastGuest);
    this.#guests.set(guest.number, guest);
    return guest;
  }

  dismiss(guest: Subscriber): void {
    this.#guests.delete(guest.number);
  }

  get(number: number): Subscriber {
    const known = this.known(number);
    if (known !== undefined) return known;
    const subscriber = this.#make(number);
    this.#known.set(number, subscriber);
    return subscriber;
  }

  peek(number: number): Subscriber | undefined {
    return this.known(number) ?? (this.#isConnected(number) ? this.get(number) : undefined);
  }

  /** undefined: not made yet. */
  known(number: number): Subscriber | undefined {
    return number < 0 ? this.#guests.get(number) : this.#known.get(number);
  }

  set(subscriber: Subscriber): void {
    this.#known.set(subscriber.number, subscriber);
  }

  delete(number: number): void {
    this.#known.delete(number);
  }
}
