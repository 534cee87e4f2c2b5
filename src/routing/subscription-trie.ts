/**
 * Which subscriptions match a topic: a trie over filter levels, one per tenant. Matching visits at most three
 * children per level (the level itself, `+`, `#`), whatever the number of subscriptions.
 */
import { SharedGroup } from './shared-group.ts';
import type { Route, Subscriber } from './subscriber.ts';

class TrieNode {
  children: Map<string, TrieNode> | undefined = undefined;
  /** By subscriber: a session has at most one subscription per filter. */
  routes: Map<Subscriber, Route> | undefined = undefined;
  groups: Map<string, SharedGroup> | undefined = undefined;

  get isEmpty(): boolean {
    return this.children === undefined && this.routes === undefined && this.groups === undefined;
  }
}

/** What a topic matched. Filled by `match`, in no particular order. */
export interface TrieMatch {
  readonly routes: Route[];
  readonly groups: SharedGroup[];
}

export class SubscriptionTrie {
  readonly #root = new TrieNode();
  #size = 0;
  #version = 0;

  /** Routes in the trie. */
  get size(): number {
    return this.#size;
  }

  /** Changes with every change of the trie: what was computed from an older one is stale. */
  get version(): number {
    return this.#version;
  }

  /** Adds the route or replaces the one of the same subscriber, filter and group. */
  add(route: Route): void {
    const node = this.#ensure(route.filter);
    this.#version++;
    if (route.group === undefined) {
      node.routes ??= new Map();
      const before = node.routes.size;
      node.routes.set(route.subscriber, route);
      this.#size += node.routes.size - before;
      return;
    }
    node.groups ??= new Map();
    let group = node.groups.get(route.group);
    if (group === undefined)
      node.groups.set(route.group, (group = new SharedGroup(route.group, route.filter)));
    const before = group.size;
    group.set(route);
    this.#size += group.size - before;
  }

  /** Removes the route of that subscriber, filter and group; false when there was none. */
  remove(subscriber: Subscriber, filter: string, groupName: string | undefined): boolean {
    const path = this.#path(filter);
    const node = path.at(-1)?.node;
    if (node === undefined) return false;
    const removed =
      groupName === undefined ? removeRoute(node, subscriber) : removeMember(node, groupName, subscriber);
    if (!removed) return false;
    this.#size--;
    this.#version++;
    prune(path);
    return true;
  }

  /** The shared group on that filter, if it has members. */
  group(name: string, filter: string): SharedGroup | undefined {
    return this.#path(filter).at(-1)?.node.groups?.get(name);
  }

  match(topic: string): TrieMatch {
    const found: TrieMatch = { routes: [], groups: [] };
    const levels = topic.split('/');
    // [MQTT-4.7.2-1] A filter that begins with a wildcard does not match a topic that begins with `$`.
    collect(this.#root, levels, 0, topic.startsWith('$'), found);
    return found;
  }

  #ensure(filter: string): TrieNode {
    let node = this.#root;
    for (const level of filter.split('/')) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) node.children.set(level, (child = new TrieNode()));
      node = child;
    }
    return node;
  }

  /** Nodes from the first level to the last; empty when the filter is not in the trie. */
  #path(filter: string): PathStep[] {
    const path: PathStep[] = [];
    let node = this.#root;
    for (const level of filter.split('/')) {
      const child = node.children?.get(level);
      if (child === undefined) return [];
      path.push({ parent: node, level, node: child });
      node = child;
    }
    return path;
  }
}

interface PathStep {
  readonly parent: TrieNode;
  readonly level: string;
  readonly node: TrieNode;
}

function collect(
  node: TrieNode,
  levels: readonly string[],
  depth: number,
  noWildcard: boolean,
  found: TrieMatch,
) {
  const children = node.children;
  const level = levels[depth];
  if (level === undefined) {
    take(node, found);
    // `a/#` matches `a` too (MQTT 5.0, 4.7.1.2).
    const rest = children?.get('#');
    if (rest !== undefined) take(rest, found);
    return;
  }
  if (children === undefined) return;
  const exact = children.get(level);
  if (exact !== undefined) collect(exact, levels, depth + 1, false, found);
  if (noWildcard) return;
  const single = children.get('+');
  if (single !== undefined) collect(single, levels, depth + 1, false, found);
  const rest = children.get('#');
  if (rest !== undefined) take(rest, found);
}

function take(node: TrieNode, found: TrieMatch): void {
  if (node.routes !== undefined) for (const route of node.routes.values()) found.routes.push(route);
  if (node.groups !== undefined) for (const group of node.groups.values()) found.groups.push(group);
}

function removeRoute(node: TrieNode, subscriber: Subscriber): boolean {
  if (node.routes?.delete(subscriber) !== true) return false;
  if (node.routes.size === 0) node.routes = undefined;
  return true;
}

function removeMember(node: TrieNode, groupName: string, subscriber: Subscriber): boolean {
  const group = node.groups?.get(groupName);
  if (group?.delete(subscriber) !== true) return false;
  if (group.size === 0) node.groups?.delete(groupName);
  if (node.groups?.size === 0) node.groups = undefined;
  return true;
}

/** Unlinks nodes that nothing hangs on any more, from the leaf up. */
function prune(path: readonly PathStep[]): void {
  for (let index = path.length - 1; index >= 0; index--) {
    const step = path[index];
    if (step?.node.isEmpty !== true) return;
    step.parent.children?.delete(step.level);
    if (step.parent.children?.size === 0) step.parent.children = undefined;
  }
}
