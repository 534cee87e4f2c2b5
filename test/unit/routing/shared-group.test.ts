import { beforeEach, describe, expect, test } from 'vitest';
import { Counters } from '../../../src/metrics/counters.ts';
import { queueKey } from '../../../src/queue/durable-queue.ts';
import { SharedGroup } from '../../../src/routing/shared-group.ts';
import { Subscriber, type Outlet, type Route } from '../../../src/routing/subscriber.ts';
import { DEFAULT_TENANT, type ClientId, type SessionId } from '../../../src/tenancy/identity.ts';

const ignore = (): void => undefined;

function outlet(hasCredit: boolean): Outlet {
  return { deliver: ignore, appended: ignore, reached: ignore, hasCredit };
}

describe('shared group', () => {
  let group: SharedGroup;

  beforeEach(() => {
    group = new SharedGroup('g', 'a');
  });

  /** `absent`: not connected, with a durable queue; `gone`: without one. */
  function join(name: string, state: 'ready' | 'full' | 'absent' | 'gone', qos: 0 | 1 | 2 = 1): Subscriber {
    const sessionId = group.size as SessionId;
    const pending = state === 'gone' ? undefined : queueKey(DEFAULT_TENANT, sessionId, 'pending');
    const subscriber = new Subscriber(new Counters(), name as ClientId, sessionId, pending);
    if (state === 'ready' || state === 'full') subscriber.outlet = outlet(state === 'ready');
    group.set(routeOf(subscriber, qos));
    return subscriber;
  }

  function routeOf(subscriber: Subscriber, qos: 0 | 1 | 2): Route {
    const options = { noLocal: false, retainAsPublished: false, subscriptionId: undefined };
    return { subscriber, filter: 'a', group: 'g', qos, ...options };
  }

  const turns = (count: number, except?: Subscriber) =>
    Array.from({ length: count }, () => group.next(except)?.subscriber.clientId);

  test('members take turns', () => {
    for (const name of ['a', 'b', 'c']) join(name, 'ready');
    expect(turns(6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('a member without credit is passed over and costs the others nothing', () => {
    join('a', 'ready');
    join('full', 'full');
    join('b', 'ready');
    expect(turns(4)).toEqual(['a', 'b', 'a', 'b']);
  });

  test('absent members get nothing while a connected one is there, even one without credit', () => {
    join('absent', 'absent');
    join('full', 'full');
    expect(turns(3)).toEqual(['full', 'full', 'full']);
  });

  test('absent members with a durable queue share what comes while nobody is connected', () => {
    join('a', 'absent');
    join('b', 'absent');
    expect(new Set(turns(4))).toEqual(new Set(['a', 'b']));
  });

  test('there is nobody when no member could ever get it', () => {
    expect(turns(1)).toEqual([undefined]);
    join('gone', 'gone');
    expect(turns(1)).toEqual([undefined]);
  });

  test('a member that leaves is passed over', () => {
    const leaving = join('a', 'ready');
    join('b', 'ready');
    expect(turns(3, leaving)).toEqual(['b', 'b', 'b']);
    expect(group.delete(leaving)).toBe(true);
    expect(group.delete(leaving)).toBe(false);
    expect(turns(2)).toEqual(['b', 'b']);
  });

  test('a member that subscribes again stays one member, with its new options', () => {
    const member = join('a', 'ready');
    group.set(routeOf(member, 2));
    expect(group.size).toBe(1);
    expect(group.next()?.qos).toBe(2);
  });
});
