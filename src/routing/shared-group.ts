/**
 * One shared subscription group on one filter: its members take turns, those that can take a message now before
 * those that cannot, connected ones before absent ones. A member that stalls costs the group nothing.
 */
import type { Route, Subscriber } from './subscriber.ts';

export class SharedGroup {
  readonly name: string;
  readonly filter: string;
  #members: Route[] = [];
  #turn = 0;

  constructor(name: string, filter: string) {
    this.name = name;
    this.filter = filter;
  }

  get size(): number {
    return this.#members.length;
  }

  set(route: Route): void {
    const index = this.#members.findIndex((member) => member.subscriber === route.subscriber);
    if (index < 0) this.#members.push(route);
    else this.#members[index] = route;
  }

  delete(subscriber: Subscriber): boolean {
    const index = this.#members.findIndex((member) => member.subscriber === subscriber);
    if (index < 0) return false;
    this.#members.splice(index, 1);
    return true;
  }

  /**
   * The member whose turn it is: with credit, else connected, else one with a durable queue. undefined: there is
   * nobody who could ever get it. `except` is passed over: the member that is leaving.
   */
  next(except?: Subscriber): Route | undefined {
    const count = this.#members.length;
    let connected: Route | undefined;
    let absent: Route | undefined;
    for (let step = 0; step < count; step++) {
      const index = (this.#turn + step) % count;
      const member = this.#members[index];
      if (member === undefined || member.subscriber === except) continue;
      const { outlet, pending } = member.subscriber;
      if (outlet?.hasCredit === true) {
        this.#turn = index + 1;
        return member;
      }
      if (outlet !== undefined) connected ??= member;
      else if (pending !== undefined) absent ??= member;
    }
    this.#turn++;
    return connected ?? absent;
  }
}
