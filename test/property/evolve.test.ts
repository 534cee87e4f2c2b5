/** Replaying a log from any earlier offset, any number of times, leads to the state that was there. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Offset } from '../../src/event-log/event-log.ts';
import type { SessionEvent } from '../../src/session/events.ts';
import { SessionRegistry } from '../../src/session/session-registry.ts';
import { DEFAULT_TENANT, type SessionId } from '../../src/tenancy/identity.ts';
import {
  CLIENT,
  closedSession,
  OTHER_OWNER,
  OWNER,
  sessionState,
  subscription,
} from '../support/simulated-session.ts';

const owner = fc.constantFrom(OWNER, OTHER_OWNER);
const sessionId = fc.constantFrom(1 as SessionId, 2 as SessionId);
const filter = fc.constantFrom('a', 'b');

/** Any event at any place, also those that no broker would write there. */
const event: fc.Arbitrary<SessionEvent> = fc.oneof(
  fc.record({
    type: fc.constant('SessionOpened' as const),
    state: fc.record({ owner, sessionId }).map((changes) => sessionState(changes)),
  }),
  fc.record({
    type: fc.constant('SessionClosed' as const),
    state: fc
      .record({ closedOwner: owner, sessionId })
      .map((changes) => closedSession(5_000, { ...changes, owner: undefined })),
  }),
  fc.option(owner, { nil: undefined }).map((lastOwner) => ({
    type: 'SessionEnded' as const,
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    reason: 'expired' as const,
    lastOwner,
    lastOpenedAtMs: 1_000,
  })),
  fc.record({
    type: fc.constant('Subscribed' as const),
    subscription: fc.tuple(filter, sessionId).map(([name, id]) => subscription(name, { sessionId: id })),
  }),
  fc.tuple(filter, fc.option(sessionId, { nil: undefined })).map(([name, of]) => ({
    type: 'Unsubscribed' as const,
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    filter: name,
    sessionId: of,
  })),
);

/** A fold, and the subscriptions that it says are in force. */
class Fold {
  readonly inForce = new Map<string, SessionId>();
  readonly registry = new SessionRegistry(DEFAULT_TENANT, {
    sessionChanged: () => undefined,
    overruled: () => undefined,
    subscriptionOverruled: () => undefined,
    subscribed: (_entry, { filter: name, sessionId: id }) => this.inForce.set(name, id),
    unsubscribed: (_entry, { filter: name }) => this.inForce.delete(name),
  });

  apply(events: readonly SessionEvent[], from: number): void {
    for (const [index, each] of events.slice(from).entries()) {
      this.registry.apply(each, (from + index) as Offset);
    }
  }

  state(): unknown {
    const subscriptions = this.registry.get(CLIENT)?.subscriptions ?? [];
    return {
      session: this.registry.get(CLIENT)?.session,
      subscriptions: [...subscriptions].sort(),
      inForce: [...this.inForce].sort(),
    };
  }
}

test('a replay from any earlier offset changes nothing', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 30, size: 'max' }),
      fc.array(fc.nat({ max: 29 }), { maxLength: 4 }),
      (events, replays) => {
        const once = new Fold();
        once.apply(events, 0);
        const again = new Fold();
        again.apply(events, 0);
        for (const from of replays) again.apply(events, from);
        expect(again.state()).toEqual(once.state());
      },
    ),
    { numRuns: 500 },
  );
});

test('what is in force is what the session on record subscribed to', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30, size: 'max' }), (events) => {
      const fold = new Fold();
      fold.apply(events, 0);
      const { session, subscriptions } = fold.registry.get(CLIENT) ?? {};
      const expected = [...(subscriptions?.values() ?? [])]
        .filter(({ value }) => value.sessionId === session?.value.sessionId)
        .map(({ value }) => [value.filter, value.sessionId]);
      expect([...fold.inForce].sort()).toEqual(expected.sort());
    }),
    { numRuns: 500 },
  );
});
