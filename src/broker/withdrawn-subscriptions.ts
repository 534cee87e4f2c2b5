/** Ends the subscriptions of a session that its user may not have any more: the routes, and for a persistent session the record of them. */
import { wildcardLevels } from '../routing/filter-tree.ts';
import type { Subscription } from '../session/events.ts';
import type { ActiveSession } from './active-session.ts';

/** Of those that one line of the log names. */
const NAMED_MAX = 20;

/** Resolves when that is durable and applied here. Rejects with what the event log fails with. */
export async function withdrawSubscriptions(session: ActiveSession): Promise<void> {
  const { broker, clientId, subscriber } = session;
  if (subscriber.pending === undefined) {
    const filters = forbiddenRoutes(session);
    countOff(session, filters);
    for (const filter of filters) broker.removeTransientRoute(session, filter);
    note(session, filters);
    return;
  }
  // Most have all that they had; what a SUBSCRIBE under way was granted comes before this in the client's lane.
  if (!session.hasRequests && forbiddenOnRecord(session).length === 0) return;
  let filters: readonly string[] = [];
  await broker.lifecycle.unsubscribe(clientId, () => {
    filters = forbiddenOnRecord(session);
    countOff(session, filters);
    return filters;
  });
  note(session, filters);
}

function forbiddenOnRecord({ broker, clientId, sessionId, principal }: ActiveSession): readonly string[] {
  const { subscriptions } = broker.registry.get(clientId) ?? {};
  return Array.from(subscriptions?.values() ?? [], ({ value }): Subscription => value)
    .filter((one) => one.sessionId === sessionId && !principal.maySubscribe(one.filter, one.qos))
    .map(({ filter }) => filter);
}

function forbiddenRoutes({ transientRoutes, principal }: ActiveSession): readonly string[] {
  return [...transientRoutes]
    .filter(([filter, { qos }]) => !principal.maySubscribe(filter, qos))
    .map(([filter]) => filter);
}

/** Before they are gone: the session may count what is on record only now. */
function countOff(session: ActiveSession, filters: readonly string[]): void {
  for (const filter of filters) session.countWildcardLevels(-wildcardLevels(filter));
}

function note(session: ActiveSession, filters: readonly string[]): void {
  if (filters.length === 0) return;
  const { broker, clientId, principal } = session;
  const { tenant, counters, log } = broker;
  counters.subscriptionsWithdrawn += filters.length;
  log.warn(
    {
      tenant,
      clientId,
      user: principal.clientName,
      filters: filters.slice(0, NAMED_MAX),
      number: filters.length,
    },
    'subscriptions ended that the user may not have any more',
  );
}
