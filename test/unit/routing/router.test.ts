import { beforeEach, describe, expect, test } from 'vitest';
import { Counters } from '../../../src/metrics/counters.ts';
import { Router } from '../../../src/routing/router.ts';
import { Subscriber, type Route, type Subscribers } from '../../../src/routing/subscriber.ts';
import type { ClientId, SessionId } from '../../../src/tenancy/identity.ts';

describe('router', () => {
  let router: Router;
  const bike = new Subscriber(new Counters(), 0, 'bike' as ClientId, 1 as SessionId, undefined);
  const car = new Subscriber(new Counters(), 1, 'car' as ClientId, 2 as SessionId, undefined);

  const directory: Subscribers = {
    get: (number) => (number === bike.number ? bike : car),
    peek: (number) => directory.get(number),
  };

  beforeEach(() => {
    router = new Router(directory);
  });

  function subscribe(subscriber: Subscriber, filter: string, changes: Partial<Route> = {}): void {
    const route = {
      filter,
      group: undefined,
      qos: 0 as const,
      noLocal: false,
      retainAsPublished: false,
      subscriptionId: undefined,
      ...changes,
    };
    router.trie.add(subscriber.number, route, route);
  }

  function unsubscribe(subscriber: Subscriber, filter: string, group?: string): boolean {
    return router.trie.remove(subscriber.number, { filter, group });
  }

  test('overlapping subscriptions make one target with the highest QoS and every identifier', () => {
    subscribe(bike, 'a/b', { qos: 1, subscriptionId: 7 });
    subscribe(bike, 'a/+', { qos: 2 });
    subscribe(bike, '#', { qos: 0, subscriptionId: 9, retainAsPublished: true });
    subscribe(car, 'a/#', { qos: 1 });
    const { targets } = router.resolve('a/b');
    expect(targets).toHaveLength(2);
    const target = targets.find(({ subscriber }) => subscriber === bike);
    expect(target).toMatchObject({ qos: 2, retainAsPublished: true });
    expect(target?.subscriptionIds?.toSorted()).toEqual([7, 9]);
    expect(targets.find(({ subscriber }) => subscriber === car)?.subscriptionIds).toBeUndefined();
  });

  test('what was resolved before is forgotten when a subscription comes, changes or goes', () => {
    expect(router.resolve('a').targets).toEqual([]);
    subscribe(bike, 'a', { qos: 1 });
    expect(router.resolve('a').targets).toHaveLength(1);
    subscribe(bike, 'a', { qos: 2 });
    expect(router.resolve('a').targets[0]?.qos).toBe(2);
    unsubscribe(bike, 'a');
    expect(router.resolve('a').targets).toEqual([]);
  });

  test('a resolution is remembered while nothing changes', () => {
    subscribe(bike, 'a');
    expect(router.resolve('a')).toBe(router.resolve('a'));
  });

  test('a publisher with no-local gets only what its other subscriptions ask for [MQTT-3.8.3-3]', () => {
    subscribe(bike, 'a', { noLocal: true, qos: 2, subscriptionId: 1 });
    expect(router.resolve('a').targets[0]?.noLocal).toBe(true);
    expect(router.localTarget('a', bike)).toBeUndefined();
    subscribe(bike, '+', { qos: 1, subscriptionId: 2 });
    subscribe(car, '+', { qos: 1 });
    expect(router.localTarget('a', bike)).toMatchObject({ subscriber: bike, qos: 1, subscriptionIds: [2] });
  });

  test('shared subscriptions are groups of their own, beside plain ones', () => {
    subscribe(bike, 'a', { group: 'g' });
    subscribe(car, 'a', { group: 'g' });
    subscribe(car, '+', { group: 'g' });
    subscribe(bike, 'a');
    const { targets, groups } = router.resolve('a');
    expect(targets).toHaveLength(1);
    expect(groups.map(({ name, filter, size }) => `${name} ${filter} ${size}`).sort()).toEqual([
      'g + 1',
      'g a 2',
    ]);
    unsubscribe(bike, 'a', 'g');
    unsubscribe(car, 'a', 'g');
    expect(router.trie.group('g', 'a')).toBeUndefined();
  });

  test('a route is removed only as what it was added', () => {
    subscribe(bike, 'a', { group: 'g' });
    expect(unsubscribe(bike, 'a')).toBe(false);
    expect(unsubscribe(bike, 'a', 'h')).toBe(false);
    expect(unsubscribe(car, 'a', 'g')).toBe(false);
    expect(unsubscribe(bike, 'a/b', 'g')).toBe(false);
    expect(router.trie.size).toBe(1);
  });
});
