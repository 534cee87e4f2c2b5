/** The subscription trie against a list of routes and the plain matching rule, through arbitrary churn. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Counters } from '../../src/metrics/counters.ts';
import { matchesFilter } from '../../src/mqtt/topic.ts';
import { Router } from '../../src/routing/router.ts';
import { Subscriber, type MatchedRoute, type Route, type Subscribers } from '../../src/routing/subscriber.ts';
import type { ClientId, SessionId } from '../../src/tenancy/identity.ts';
import { topicFilter, topicName } from './topics.ts';

const counters = new Counters();
const subscribers = Array.from(
  { length: 4 },
  (_, index) => new Subscriber(counters, index, `c${index}` as ClientId, index as SessionId, undefined),
);

const DIRECTORY: Subscribers = {
  get: (number) => subscribers[number]!,
  peek: (number) => subscribers[number],
};

interface Churn {
  readonly add: boolean;
  readonly who: number;
  readonly filter: string;
  readonly group: string | undefined;
  readonly qos: 0 | 1 | 2;
}

const churn: fc.Arbitrary<Churn> = fc.record({
  add: fc.boolean(),
  who: fc.nat({ max: subscribers.length - 1 }),
  filter: topicFilter,
  group: fc.constantFrom(undefined, undefined, 'g', 'h'),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
});

function routeOf({ who, filter, group, qos }: Churn): Route {
  const subscriber = subscribers[who];
  if (subscriber === undefined) throw new Error(`no subscriber ${who}`);
  return {
    subscriber,
    filter,
    group,
    qos,
    noLocal: false,
    retainAsPublished: false,
    subscriptionId: undefined,
  };
}

function asText({ subscriber, qos }: MatchedRoute): string {
  return `${subscriber.clientId} ${qos}`;
}

function keyOf({ who, filter, group }: Churn): string {
  return `${who} ${group ?? ''} ${filter}`;
}

test('trie and plain matching find the same routes, members and sizes after any churn', () => {
  fc.assert(
    fc.property(
      fc.array(churn, { maxLength: 60 }),
      fc.array(topicName, { minLength: 1, maxLength: 12 }),
      (steps, topics) => {
        const router = new Router(DIRECTORY);
        const model = new Map<string, Route>();
        for (const step of steps) {
          const route = routeOf(step);
          for (const topic of topics) router.resolve(topic); // What is remembered must not go stale.
          if (step.add) {
            router.trie.add(step.who, route, route);
            model.set(keyOf(step), route);
          } else {
            const removed = router.trie.remove(step.who, route);
            expect(removed).toBe(model.delete(keyOf(step)));
          }
        }
        expect(router.trie.size).toBe(model.size);
        for (const topic of topics) {
          const matching = [...model.values()].filter((route) => matchesFilter(route.filter, topic));
          const { routes, groups } = router.trie.match(topic);
          const plain = matching.filter((route) => route.group === undefined);
          expect(routes.map(asText).sort()).toEqual(plain.map(asText).sort());
          const sharedBy = (route: Route) => `${route.group ?? ''} ${route.filter}`;
          const shared = new Set(matching.filter((route) => route.group !== undefined).map(sharedBy));
          expect(new Set(groups.map((group) => `${group.name} ${group.filter}`))).toEqual(shared);
          const targets = router.resolve(topic).targets;
          expect(targets.map(({ subscriber }) => subscriber.clientId).sort()).toEqual(
            [...new Set(plain.map(({ subscriber }) => subscriber.clientId))].sort(),
          );
          for (const target of targets) {
            const own = plain.filter((route) => route.subscriber === target.subscriber);
            expect(target.qos).toBe(Math.max(...own.map(({ qos }) => qos)));
          }
        }
      },
    ),
    { numRuns: 150 },
  );
});
