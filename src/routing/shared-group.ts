/**
 * One shared subscription group on one filter: its members take turns, those that can take a message now before
 * those that cannot, connected ones before absent ones. A member that stalls costs the group nothing.
 */
import { NONE } from '../packed/hash-index.ts';
import type { RouteTable } from './route-table.ts';
import type { SessionId } from '../tenancy/identity.ts';
import type { MatchedRoute, Subscriber, Subscribers } from './subscriber.ts';

export class SharedGroup {
  readonly name: string;
  readonly filter: string;
  readonly #routes: RouteTable;
  readonly #subscribers: Subscribers;
  /** First of the ring of members. */
  #first = NONE;
  #turn = NONE;
  #size = 0;

  constructor(name: string, filter: string, routes: RouteTable, subscribers: Subscribers) {
    this.name = name;
    this.filter = filter;
    this.#routes = routes;
    this.#subscribers = subscribers;
  }

  get size(): number {
    return this.#size;
  }

  /** A route of the table that is not a member yet. */
  join(route: number): void {
    this.#first = this.#routes.join(this.#first, route);
    if (this.#turn === NONE) this.#turn = this.#first;
    this.#size++;
  }

  /** A member. */
  leave(route: number): void {
    const after = this.#routes.after(route);
    this.#first = this.#routes.leave(this.#first, route);
    if (this.#turn === route) this.#turn = this.#first === NONE ? NONE : after;
    this.#size--;
  }

  /**
   * The member whose turn it is: with credit, else connected, else one with a durable queue. undefined: there is
   * nobody who could ever get it. Those that `passedOver` names are out of the question.
   */
  next(passedOver?: (subscriber: Subscriber) => boolean): MatchedRoute | undefined {
    let connected = NONE;
    let absent = NONE;
    let route = this.#turn;
    for (let step = 0; step < this.#size; step++, route = this.#routes.after(route)) {
      const session = this.#routes.session(route);
      const subscriber =
        passedOver === undefined ? this.#subscribers.peek(session) : this.#subscribers.get(session);
      if (subscriber === undefined) {
        if (absent === NONE) absent = route;
      } else if (passedOver?.(subscriber) === true) {
        continue;
      } else if (subscriber.outlet?.hasCredit === true) {
        this.#turn = this.#routes.after(route);
        return this.#route(route);
      } else if (subscriber.outlet !== undefined) {
        if (connected === NONE) connected = route;
      } else if (subscriber.pending !== undefined && absent === NONE) {
        absent = route;
      }
    }
    if (this.#size > 0) this.#turn = this.#routes.after(this.#turn);
    return this.#route(connected === NONE ? absent : connected);
  }

  /** All of them, whoever's turn it is. */
  *members(): Generator<MatchedRoute, void, undefined> {
    let route = this.#first;
    for (let step = 0; step < this.#size; step++, route = this.#routes.after(route)) {
      const member = this.#route(route);
      if (member !== undefined) yield member;
    }
  }

  /** The member whose session that is, as `memberMark` names it. */
  marked(mark: number): MatchedRoute | undefined {
    let route = this.#first;
    for (let step = 0; step < this.#size; step++, route = this.#routes.after(route)) {
      const subscriber = this.#subscribers.get(this.#routes.session(route));
      if (!subscriber.isGuest && memberMark(subscriber.sessionId) === mark) return this.#route(route);
    }
    return undefined;
  }

  #route(route: number): MatchedRoute | undefined {
    if (route === NONE) return undefined;
    const subscriber = this.#subscribers.get(this.#routes.session(route));
    return { subscriber, ...this.#routes.options(route) };
  }
}

/** What is kept of the session of a member that was chosen: its 32 lower bits, in which the members of a group differ. */
export function memberMark(sessionId: SessionId): number {
  return sessionId % 2 ** 32;
}
