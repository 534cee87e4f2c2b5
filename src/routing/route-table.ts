/**
 * Routes as rows of numbers: which session (by number) wants what hangs on a node of the filter tree, in which
 * shared group, and how. At most one row for each session, node and group.
 */
import type { QoS } from '../mqtt/qos.ts';
import { hashPair, HashIndex, NONE } from '../packed/hash-index.ts';
import { IntRows } from '../packed/int-rows.ts';
import { Numbering } from '../packed/numbering.ts';
import type { RouteOptions } from './subscriber.ts';

// Row:  session | node | group | options | next and previous of the ring
// A ring is the routes of one node, or of one shared group: any one can be taken out without a search.
const SESSION = 0;
const NODE = 1;
const GROUP = 2;
const OPTIONS = 3;
const AFTER = 4;
const BEFORE = 5;
const FIELDS = 6;

/** The group of a route that is not shared. */
export const NOT_SHARED = 0;

// Options:  subscription identifier, 28 bits, 0: none | QoS, 2 bits | no local | retain as published
const QOS_SHIFT = 2;
const QOS_MASK = 3;
const NO_LOCAL = 2;
const RETAIN_AS_PUBLISHED = 1;
/** MQTT allows 1 to 268,435,455 (MQTT 5.0, 3.8.2.1.2): it fits. */
const SUBSCRIPTION_ID_SHIFT = 4;

export class RouteTable {
  readonly #numbers = new Numbering();
  readonly #rows = new IntRows(FIELDS);
  readonly #index = new HashIndex();

  /** Routes in the table. */
  get size(): number {
    return this.#index.size;
  }

  /** NONE when there is no such route. */
  find(session: number, node: number, group: number): number {
    const hash = hashOf(session, node, group);
    for (let route = this.#index.first(hash); route !== NONE; route = this.#index.after(route, hash)) {
      if (this.#rows.get(route, SESSION) !== session || this.#rows.get(route, NODE) !== node) continue;
      if (this.#rows.get(route, GROUP) === group) return route;
    }
    return NONE;
  }

  /** A route that is not in the table. */
  add(session: number, node: number, group: number, options: RouteOptions): number {
    const route = this.#numbers.take();
    this.#rows.set(route, SESSION, session);
    this.#rows.set(route, NODE, node);
    this.#rows.set(route, GROUP, group);
    this.setOptions(route, options);
    this.#index.add(route, hashOf(session, node, group));
    return route;
  }

  remove(route: number): void {
    const node = this.#rows.get(route, NODE);
    this.#index.remove(route, hashOf(this.session(route), node, this.#rows.get(route, GROUP)));
    this.#numbers.giveBack(route);
  }

  /** Puts a route at the end of the ring that begins with `first`; NONE: a ring of its own. Returns the first. */
  join(first: number, route: number): number {
    const last = first === NONE ? route : this.#rows.get(first, BEFORE);
    const next = first === NONE ? route : first;
    this.#rows.set(last, AFTER, route);
    this.#rows.set(route, BEFORE, last);
    this.#rows.set(route, AFTER, next);
    this.#rows.set(next, BEFORE, route);
    return next;
  }

  /** Takes a route out of the ring that begins with `first`. Returns the first then; NONE: the ring is empty. */
  leave(first: number, route: number): number {
    const before = this.#rows.get(route, BEFORE);
    const after = this.#rows.get(route, AFTER);
    if (after === route) return NONE;
    this.#rows.set(before, AFTER, after);
    this.#rows.set(after, BEFORE, before);
    return first === route ? after : first;
  }

  /** The next one of the ring. */
  after(route: number): number {
    return this.#rows.get(route, AFTER);
  }

  session(route: number): number {
    return this.#rows.get(route, SESSION);
  }

  options(route: number): RouteOptions {
    const options = this.#rows.get(route, OPTIONS);
    const subscriptionId = options >>> SUBSCRIPTION_ID_SHIFT;
    return {
      qos: ((options >>> QOS_SHIFT) & QOS_MASK) as QoS,
      noLocal: (options & NO_LOCAL) !== 0,
      retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0,
      subscriptionId: subscriptionId === 0 ? undefined : subscriptionId,
    };
  }

  setOptions(route: number, { qos, noLocal, retainAsPublished, subscriptionId }: RouteOptions): void {
    this.#rows.set(
      route,
      OPTIONS,
      ((subscriptionId ?? 0) << SUBSCRIPTION_ID_SHIFT) |
        (qos << QOS_SHIFT) |
        (noLocal ? NO_LOCAL : 0) |
        (retainAsPublished ? RETAIN_AS_PUBLISHED : 0),
    );
  }
}

function hashOf(session: number, node: number, group: number): number {
  return hashPair(hashPair(session, node), group);
}
