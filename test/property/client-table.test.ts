/** Packed records of clients against plain maps, through any churn: nothing is lost, mixed up or left behind. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Offset } from '../../src/event-log/event-log.ts';
import { ClientTable } from '../../src/session/client-table.ts';
import type { Versioned } from '../../src/session/evolve.ts';
import type { SessionState, Subscription } from '../../src/session/events.ts';
import { DEFAULT_TENANT, type ClientId } from '../../src/tenancy/identity.ts';
import { sessionState, subscription } from '../arbitrary/session-event.ts';

interface Known {
  session: Versioned<SessionState> | undefined;
  readonly subscriptions: Map<string, Versioned<Subscription>>;
}

const clientId = fc.constantFrom('bike-1', 'bike-2', 'ü', 'x'.repeat(300)) as fc.Arbitrary<ClientId>;
const filter = fc.constantFrom('a', 'b/+', '$share/g/c', 'y'.repeat(5_000));
const offset = fc.maxSafeNat() as fc.Arbitrary<Offset>;

const step = fc.oneof(
  fc.record({ do: fc.constant('session' as const), clientId, state: fc.option(sessionState), offset }),
  fc.record({
    do: fc.constant('subscription' as const),
    clientId,
    filter,
    subscription: fc.option(subscription),
    offset,
  }),
  fc.record({ do: fc.constant('remove' as const), clientId }),
);

function inTable(table: ClientTable, id: ClientId): Known | undefined {
  const client = table.find(id);
  if (client === undefined) return undefined;
  expect(table.clientId(client)).toBe(id);
  expect(table.sessionId(client)).toBe(table.session(client)?.value.sessionId);
  const subscriptions = table.subscriptions(client);
  expect(table.subscriptionCount(client)).toBe(subscriptions.length);
  for (const each of subscriptions) expect(table.subscription(client, each.value.filter)).toEqual(each);
  return {
    session: table.session(client),
    subscriptions: new Map(subscriptions.map((each) => [each.value.filter, each])),
  };
}

test('what is packed reads back as it was, in the order in which it came', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const table = new ClientTable(DEFAULT_TENANT);
      const model = new Map<ClientId, Known>();
      for (const each of steps) {
        const id = each.clientId;
        const known = table.find(id);
        if (each.do === 'remove') {
          if (known !== undefined) table.remove(known);
          model.delete(id);
          continue;
        }
        const client = known ?? table.add(id);
        const expected = model.get(id) ?? { session: undefined, subscriptions: new Map() };
        model.set(id, expected);
        if (each.do === 'session') {
          const value = each.state && { ...each.state, tenant: DEFAULT_TENANT, clientId: id };
          expected.session = value === null ? undefined : { value, offset: each.offset };
          table.setSession(client, expected.session);
        } else if (each.subscription === null) {
          expected.subscriptions.delete(each.filter);
          table.setSubscription(client, each.filter, undefined);
        } else {
          const value = { ...each.subscription, tenant: DEFAULT_TENANT, clientId: id, filter: each.filter };
          expected.subscriptions.set(each.filter, { value, offset: each.offset });
          table.setSubscription(client, each.filter, { value, offset: each.offset });
        }
      }
      expect(table.size).toBe(model.size);
      expect([...table.clients()].map((client) => table.clientId(client)).sort()).toEqual(
        [...model.keys()].sort(),
      );
      for (const id of ['bike-1', 'bike-2', 'ü', 'x'.repeat(300)] as ClientId[]) {
        const expected = model.get(id);
        const actual = inTable(table, id);
        expect(actual).toEqual(expected);
        expect([...(actual?.subscriptions.keys() ?? [])]).toEqual([
          ...(expected?.subscriptions.keys() ?? []),
        ]);
      }
    }),
    { numRuns: 200 },
  );
});
