import { beforeEach, describe, expect, test } from 'vitest';
import { Counters } from '../../../src/metrics/counters.ts';
import { queueKey } from '../../../src/queue/durable-queue.ts';
import type { SharedGroup } from '../../../src/routing/shared-group.ts';
import { Subscriber, type Outlet } from '../../../src/routing/subscriber.ts';
import { SubscriptionTrie } from '../../../src/routing/subscription-trie.ts';
import { DEFAULT_TENANT, type ClientId, type SessionId } from '../../../src/tenancy/identity.ts';

const ignore = (): void => undefined;

function outlet(hasCredit: boolean): Outlet {
  return { deliver: ignore, appended: ignore, reached: ignore, hasCredit };
}

describe('shared group', () => {
  const place = { filter: 'a', group: 'g' };
  let trie: SubscriptionTrie;
  let members: Subscriber[];

  beforeEach(() => {
    members = [];
    trie = new SubscriptionTrie({ get: (number) => members[number]!, peek: (number) => members[number] });
  });

  const group = (): SharedGroup | undefined => trie.group('g', 'a');

  /** `absent`: not connected, with a durable queue; `gone`: without one. */
  function join(name: string, state: 'ready' | 'full' | 'absent' | 'gone', qos: 0 | 1 | 2 = 1): Subscriber {
    const number = members.length;
    const sessionId = number as SessionId;
    const pending = state === 'gone' ? undefined : queueKey(DEFAULT_TENANT, sessionId, 'pending');
    const subscriber = new Subscriber(new Counters(), number, name as ClientId, sessionId, pending);
    if (state === 'ready' || state === 'full') subscriber.outlet = outlet(state === 'ready');
    members.push(subscriber);
    subscribe(subscriber, qos);
    return subscriber;
  }

  function subscribe(subscriber: Subscriber, qos: 0 | 1 | 2): void {
    const options = { qos, noLocal: false, retainAsPublished: false, subscriptionId: undefined };
    trie.add(subscriber.number, place, options);
  }

  const turns = (count: number, except?: Subscriber) =>
    Array.from(
      { length: count },
      () => group()?.next(except && ((member) => member === except))?.subscriber.clientId,
    );

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
    expect(trie.remove(leaving.number, place)).toBe(true);
    expect(trie.remove(leaving.number, place)).toBe(false);
    expect(turns(2)).toEqual(['b', 'b']);
  });

  test('a member that subscribes again stays one member, with its new options', () => {
    const member = join('a', 'ready');
    subscribe(member, 2);
    expect(group()?.size).toBe(1);
    expect(group()?.next()?.qos).toBe(2);
  });
});
