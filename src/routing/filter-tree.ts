/**
 * The topic filters of one tenant as a tree over their levels, each node a number. Matching visits at most three
 * children of a node (the level itself, `+`, `#`), so that it never visits more nodes than the topic has levels and the filters
 * have `wildcardLevels`. What hangs on a node is not its business: nodes live as long as they are held.
 */
import { levelCount, splitLevels } from '../mqtt/topic.ts';
import { hashPair, HashIndex, NONE } from '../packed/hash-index.ts';
import { IntRows } from '../packed/int-rows.ts';
import { Numbering } from '../packed/numbering.ts';
import { LevelNames } from './level-names.ts';

/** Levels of a filter from its first `+` on: those that it may add to the matching of a topic. */
export function wildcardLevels(filter: string): number {
  const first = filter.indexOf('+');
  return first < 0 ? 0 : levelCount(filter.slice(first));
}

const ROOT = 0;

// Row:  parent | level it stands for | children, and how often it is held | its owner's mark
const PARENT = 0;
const NAME = 1;
const HOLDS = 2;
const MARK = 3;
const FIELDS = 4;

export class FilterTree {
  readonly #levels = new LevelNames();
  readonly #numbers = new Numbering();
  readonly #rows = new IntRows(FIELDS);
  /** Nodes by parent and level. */
  readonly #index = new HashIndex();
  // Held for good, so that matching need not look their numbers up.
  readonly #single = this.#levels.use('+');
  readonly #rest = this.#levels.use('#');
  /** The levels of the filter that was held last, and their nodes: those of one session begin alike, and often come one after the other. */
  readonly #path = { levels: [] as readonly string[], nodes: [] as number[] };

  constructor() {
    this.#numbers.take(); // the root
  }

  /** The node of a filter, made if it was not there and held once more. */
  hold(filter: string): number {
    const levels = splitLevels(filter);
    const path = this.#path;
    let depth = 0;
    while (depth < levels.length && levels[depth] === path.levels[depth]) depth++;
    path.nodes.length = depth;
    let node = path.nodes[depth - 1] ?? ROOT;
    for (; depth < levels.length; depth++) {
      node = this.#ensureChild(node, levels[depth] ?? '');
      path.nodes.push(node);
    }
    path.levels = levels;
    this.#addHold(node);
    return node;
  }

  /** Takes one hold back; a node that nothing holds and that leads nowhere is gone, and so up to the root. */
  release(held: number): void {
    for (let node = held; node !== ROOT;) {
      const holds = this.#rows.get(node, HOLDS) - 1;
      this.#rows.set(node, HOLDS, holds);
      if (holds > 0) return;
      const parent = this.#rows.get(node, PARENT);
      const name = this.#rows.get(node, NAME);
      this.#index.remove(node, hashPair(parent, name));
      this.#levels.release(name);
      this.#numbers.giveBack(node);
      this.#path.levels = [];
      node = parent;
    }
  }

  /** NONE when no filter leads there. */
  find(filter: string): number {
    let node = ROOT;
    for (const level of splitLevels(filter)) {
      const name = this.#levels.find(level);
      node = name === NONE ? NONE : this.#child(node, name);
      if (node === NONE) return NONE;
    }
    return node;
  }

  /** A number that belongs to whoever holds the node: 0 when the node is made. */
  mark(node: number): number {
    return this.#rows.get(node, MARK);
  }

  setMark(node: number, mark: number): void {
    this.#rows.set(node, MARK, mark);
  }

  /** Nodes of filters that match the topic, and some that no filter ends at. */
  match(topic: string): number[] {
    const names = splitLevels(topic).map((level) => this.#levels.find(level));
    const found: number[] = [];
    // [MQTT-4.7.2-1] A filter that begins with a wildcard does not match a topic that begins with `$`.
    this.#collect(ROOT, names, 0, topic.startsWith('$'), found);
    return found;
  }

  #collect(
    node: number,
    names: readonly number[],
    depth: number,
    noWildcard: boolean,
    found: number[],
  ): void {
    const name = names[depth];
    if (name === undefined) found.push(node);
    else if (name !== NONE) this.#collectBelow(this.#child(node, name), names, depth, found);
    if (noWildcard) return;
    if (name !== undefined) this.#collectBelow(this.#child(node, this.#single), names, depth, found);
    // `a/#` matches `a` too (MQTT 5.0, 4.7.1.2).
    const rest = this.#child(node, this.#rest);
    if (rest !== NONE) found.push(rest);
  }

  #collectBelow(child: number, names: readonly number[], depth: number, found: number[]): void {
    if (child !== NONE) this.#collect(child, names, depth + 1, false, found);
  }

  #ensureChild(parent: number, level: string): number {
    const known = this.#levels.find(level);
    const child = known === NONE ? NONE : this.#child(parent, known);
    if (child !== NONE) return child;
    const name = known === NONE ? this.#levels.use(level) : this.#levels.useAgain(known);
    const node = this.#numbers.take();
    this.#rows.set(node, PARENT, parent);
    this.#rows.set(node, NAME, name);
    this.#rows.set(node, HOLDS, 0);
    this.#rows.set(node, MARK, 0);
    this.#index.add(node, hashPair(parent, name));
    if (parent !== ROOT) this.#addHold(parent);
    return node;
  }

  #child(parent: number, name: number): number {
    const hash = hashPair(parent, name);
    for (let node = this.#index.first(hash); node !== NONE; node = this.#index.after(node, hash)) {
      if (this.#rows.get(node, PARENT) === parent && this.#rows.get(node, NAME) === name) return node;
    }
    return NONE;
  }

  #addHold(node: number): void {
    this.#rows.set(node, HOLDS, this.#rows.get(node, HOLDS) + 1);
  }
}
