/**
 * Retained messages of one tenant, by topic, found by filter without looking at topics that cannot match. The
 * fold of the retained log, plus volatile entries (`$SYS`) that no log knows.
 */
import type { Message } from '../queue/message.ts';
import { messageBytes } from '../queue/message.ts';

class TopicNode {
  children: Map<string, TopicNode> | undefined = undefined;
  message: Message | undefined = undefined;
}

export class RetainedTrie {
  readonly #root = new TopicNode();
  #messages = 0;
  #bytes = 0;

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(topic: string): Message | undefined {
    let node: TopicNode | undefined = this.#root;
    for (const level of topic.split('/')) node = node?.children?.get(level);
    return node?.message;
  }

  set(message: Message): void {
    let node = this.#root;
    for (const level of message.topic.split('/')) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) node.children.set(level, (child = new TopicNode()));
      node = child;
    }
    if (node.message === undefined) this.#messages++;
    else this.#bytes -= messageBytes(node.message);
    this.#bytes += messageBytes(message);
    node.message = message;
  }

  delete(topic: string): boolean {
    const path: { readonly parent: TopicNode; readonly level: string; readonly node: TopicNode }[] = [];
    let node = this.#root;
    for (const level of topic.split('/')) {
      const child = node.children?.get(level);
      if (child === undefined) return false;
      path.push({ parent: node, level, node: child });
      node = child;
    }
    if (node.message === undefined) return false;
    this.#messages--;
    this.#bytes -= messageBytes(node.message);
    node.message = undefined;
    for (const step of path.reverse()) {
      if (step.node.message !== undefined || step.node.children !== undefined) break;
      step.parent.children?.delete(step.level);
      if (step.parent.children?.size === 0) step.parent.children = undefined;
    }
    return true;
  }

  /**
   * Messages whose topic matches the filter, lazily: the caller may stop, or go on in a later turn. Changes made
   * in between may or may not be seen.
   */
  *match(filter: string): Generator<Message, void, undefined> {
    yield* matchFrom(this.#root, filter.split('/'), 0);
  }

  *all(): Generator<Message, void, undefined> {
    yield* everythingBelow(this.#root, false);
  }
}

function* matchFrom(
  node: TopicNode,
  levels: readonly string[],
  depth: number,
): Generator<Message, void, undefined> {
  const level = levels[depth];
  if (level === undefined) {
    if (node.message !== undefined) yield node.message;
    return;
  }
  if (level === '#') {
    yield* everythingBelow(node, depth === 0);
    return;
  }
  if (level !== '+') {
    const child = node.children?.get(level);
    if (child !== undefined) yield* matchFrom(child, levels, depth + 1);
    return;
  }
  for (const [name, child] of node.children ?? []) {
    if (depth === 0 && name.startsWith('$')) continue; // [MQTT-4.7.2-1]
    yield* matchFrom(child, levels, depth + 1);
  }
}

/** The node's own message and all below it: `a/#` matches `a`. */
function* everythingBelow(node: TopicNode, hideDollar: boolean): Generator<Message, void, undefined> {
  if (node.message !== undefined) yield node.message;
  for (const [name, child] of node.children ?? []) {
    if (hideDollar && name.startsWith('$')) continue;
    yield* everythingBelow(child, false);
  }
}
