/** A subscription as routing sees it. */
import { parseShare } from '../mqtt/topic.ts';
import type { Route, RoutePlace, Subscriber } from '../routing/subscriber.ts';
import type { Subscription } from '../session/events.ts';

export function placeOf({ filter }: Pick<Subscription, 'filter'>): RoutePlace {
  return parseShare(filter) ?? { filter, group: undefined };
}

export function routeOf(subscriber: Subscriber, subscription: Subscription): Route {
  return {
    subscriber,
    ...placeOf(subscription),
    qos: subscription.qos,
    noLocal: subscription.noLocal,
    retainAsPublished: subscription.retainAsPublished,
    subscriptionId: subscription.subscriptionId,
  };
}
