/**
 * Who gets a message on a topic. Folds overlapping subscriptions of one session into one target, and remembers
 * the answer per topic until a subscription changes.
 */
import type { QoS } from '../mqtt/qos.ts';
import { SubscriptionTrie, type TrieMatch } from './subscription-trie.ts';
import type { SharedGroup } from './shared-group.ts';
import type { MatchedRoute, Subscriber, Subscribers } from './subscriber.ts';

/** One session that gets the message once, however many of its subscriptions matched. */
export interface Target {
  readonly subscriber: Subscriber;
  /** The highest granted by the matching subscriptions (MQTT 5.0, 3.3.4). */
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  /** Every matching subscription's identifier [MQTT-3.3.4-3, 3.3.4-4]; undefined: none has one. */
  readonly subscriptionIds: readonly number[] | undefined;
  /** Some matching subscription asked for no-local: see `Router.localTarget`. */
  readonly noLocal: boolean;
}

export interface Resolution {
  readonly targets: readonly Target[];
  readonly groups: readonly SharedGroup[];
}

/** Topics whose resolution is remembered. */
const TOPICS_REMEMBERED = 16_384;

export class Router {
  readonly trie: SubscriptionTrie;
  readonly #remembered = new Map<string, Resolution>();
  #rememberedVersion = 0;

  constructor(subscribers: Subscribers) {
    this.trie = new SubscriptionTrie(subscribers);
  }

  resolve(topic: string): Resolution {
    if (this.#rememberedVersion !== this.trie.version) {
      this.#remembered.clear();
      this.#rememberedVersion = this.trie.version;
    }
    const remembered = this.#remembered.get(topic);
    if (remembered !== undefined) return remembered;
    const match = this.trie.match(topic);
    const resolution = { targets: targetsOf(match.routes), groups: match.groups };
    if (this.#remembered.size >= TOPICS_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(topic, resolution);
    return resolution;
  }

  /**
   * The target of a message for its own publisher, when `target.noLocal`: only subscriptions without no-local
   * count [MQTT-3.8.3-3]. undefined: none is left.
   */
  localTarget(topic: string, subscriber: Subscriber): Target | undefined {
    const match: TrieMatch = this.trie.match(topic);
    return targetsOf(match.routes.filter((route) => route.subscriber === subscriber && !route.noLocal))[0];
  }
}

/** The target that a single route makes. */
export function targetOf(route: MatchedRoute): Target {
  return growingTarget(route);
}

function targetsOf(routes: readonly MatchedRoute[]): Target[] {
  const first = routes[0];
  if (first === undefined) return [];
  if (routes.length === 1) return [targetOf(first)];
  const bySubscriber = new Map<Subscriber, GrowingTarget>();
  for (const route of routes) {
    const other = bySubscriber.get(route.subscriber);
    if (other === undefined) bySubscriber.set(route.subscriber, growingTarget(route));
    else addTo(other, route);
  }
  return [...bySubscriber.values()];
}

/** A target while its routes are gathered: in place, because thousands of filters of one session may match. */
type GrowingTarget = { -readonly [Name in keyof Omit<Target, 'subscriptionIds'>]: Target[Name] } & {
  subscriptionIds: number[] | undefined;
};

function growingTarget(route: MatchedRoute): GrowingTarget {
  const { subscriber, qos, retainAsPublished, noLocal, subscriptionId } = route;
  const subscriptionIds = subscriptionId === undefined ? undefined : [subscriptionId];
  return { subscriber, qos, retainAsPublished, noLocal, subscriptionIds };
}

function addTo(target: GrowingTarget, route: MatchedRoute): void {
  if (route.qos > target.qos) target.qos = route.qos;
  target.retainAsPublished ||= route.retainAsPublished;
  target.noLocal ||= route.noLocal;
  if (route.subscriptionId !== undefined) (target.subscriptionIds ??= []).push(route.subscriptionId);
}
