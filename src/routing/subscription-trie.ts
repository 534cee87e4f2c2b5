/**
 * Which subscriptions match a topic, one trie per tenant: a tree of filters with rows of routes hanging on its nodes,
 * all of them numbers in packed columns. Objects are made for what matched, never for what is only there.
 */
import { NONE } from '../packed/hash-index.ts';
import { Numbering } from '../packed/numbering.ts';
import { FilterTree } from './filter-tree.ts';
import { NOT_SHARED, RouteTable } from './route-table.ts';
import { SharedGroup } from './shared-group.ts';
import type { MatchedRoute, RouteOptions, RoutePlace, Subscribers } from './subscriber.ts';

/** What a topic matched. Filled by `match`, in no particular order. */
export interface TrieMatch {
  readonly routes: MatchedRoute[];
  readonly groups: SharedGroup[];
}

/** A shared group, and the number that its routes name it by. */
interface NumberedGroup {
  readonly number: number;
  readonly group: SharedGroup;
}

export class SubscriptionTrie {
  readonly #subscribers: Subscribers;
  readonly #filters = new FilterTree();
  readonly #routes = new RouteTable();
  /** By node and name. */
  readonly #groups = new Map<number, Map<string, NumberedGroup>>();
  readonly #groupNumbers = new Numbering();
  #version = 0;

  constructor(subscribers: Subscribers) {
    this.#subscribers = subscribers;
    this.#groupNumbers.take(); // NOT_SHARED
  }

  /** Routes in the trie. */
  get size(): number {
    return this.#routes.size;
  }

  /** Changes with every change of the trie: what was computed from an older one is stale. */
  get version(): number {
    return this.#version;
  }

  /** Adds a route of that subscriber, or replaces its options at that place. */
  add(subscriber: number, place: RoutePlace, options: RouteOptions): void {
    this.#version++;
    const node = this.#filters.hold(place.filter);
    const shared = place.group === undefined ? undefined : this.#ensureGroup(node, place.group, place.filter);
    const group = shared?.number ?? NOT_SHARED;
    // Most filters are one subscriber's own: nothing has to be looked for where nothing hangs.
    const isFirst = shared === undefined ? this.#firstRoute(node) === NONE : shared.group.size === 0;
    const known = isFirst ? NONE : this.#routes.find(subscriber, node, group);
    if (known !== NONE) {
      this.#filters.release(node);
      this.#routes.setOptions(known, options);
      return;
    }
    const route = this.#routes.add(subscriber, node, group, options);
    if (shared !== undefined) shared.group.join(route);
    else this.#setFirstRoute(node, this.#routes.join(this.#firstRoute(node), route));
  }

  /** Removes the route of that subscriber at that place; false when there was none. */
  remove(subscriber: number, place: RoutePlace): boolean {
    const node = this.#filters.find(place.filter);
    if (node === NONE) return false;
    const shared = place.group === undefined ? undefined : this.#groups.get(node)?.get(place.group);
    if (place.group !== undefined && shared === undefined) return false;
    const route = this.#routes.find(subscriber, node, shared?.number ?? NOT_SHARED);
    if (route === NONE) return false;
    if (shared === undefined) this.#setFirstRoute(node, this.#routes.leave(this.#firstRoute(node), route));
    else this.#leaveGroup(node, shared, route);
    this.#routes.remove(route);
    this.#filters.release(node);
    this.#version++;
    return true;
  }

  /** The shared group on that filter, if it has members. */
  group(name: string, filter: string): SharedGroup | undefined {
    return this.#groups.get(this.#filters.find(filter))?.get(name)?.group;
  }

  match(topic: string): TrieMatch {
    const found: TrieMatch = { routes: [], groups: [] };
    for (const node of this.#filters.match(topic)) {
      const first = this.#firstRoute(node);
      if (first !== NONE) this.#takeRing(first, found.routes);
      for (const { group } of this.#groups.get(node)?.values() ?? []) found.groups.push(group);
    }
    return found;
  }

  #takeRing(first: number, found: MatchedRoute[]): void {
    let route = first;
    do {
      const subscriber = this.#subscribers.get(this.#routes.session(route));
      found.push({ subscriber, ...this.#routes.options(route) });
      route = this.#routes.after(route);
    } while (route !== first);
  }

  #ensureGroup(node: number, name: string, filter: string): NumberedGroup {
    let groups = this.#groups.get(node);
    if (groups === undefined) this.#groups.set(node, (groups = new Map<string, NumberedGroup>()));
    let numbered = groups.get(name);
    if (numbered === undefined) {
      const group = new SharedGroup(name, filter, this.#routes, this.#subscribers);
      groups.set(name, (numbered = { number: this.#groupNumbers.take(), group }));
    }
    return numbered;
  }

  #leaveGroup(node: number, { number, group }: NumberedGroup, route: number): void {
    group.leave(route);
    if (group.size > 0) return;
    this.#groupNumbers.giveBack(number);
    const groups = this.#groups.get(node);
    groups?.delete(group.name);
    if (groups?.size === 0) this.#groups.delete(node);
  }

  // The mark of a node: the first of the ring of its routes that are not shared, plus one.

  #firstRoute(node: number): number {
    return this.#filters.mark(node) - 1;
  }

  #setFirstRoute(node: number, route: number): void {
    this.#filters.setMark(node, route + 1);
  }
}
