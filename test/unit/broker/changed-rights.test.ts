/** Clients whose user is changed: what was asked last counts, a login under way learns of it, and nobody stays in by the absence of an answer. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Authenticator, Principal } from '../../../src/auth/authenticator.ts';
import { Broker } from '../../../src/broker/broker.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, type ClientId, type TenantId } from '../../../src/tenancy/identity.ts';
import type { SimulatedLink } from '../../support/simulated-link.ts';
import { connectPacket, simulatedClient } from '../../support/simulated-client.ts';
import { simulatedOptions } from '../../support/simulated-services.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const BIKE = { tenant: DEFAULT_TENANT, clientName: 'bike' };
const CLIENT = 'bike-7' as ClientId;
const LOG_IN_AGAIN = `disconnect ${REASON.administrativeAction}`;

const CONNECT = connectPacket({ clientId: CLIENT, userName: 'bike' });

interface Answer {
  readonly give: (principal: Principal | undefined) => void;
  readonly fail: (error: Error) => void;
}

describe('a changed user', () => {
  let time: SimulatedTime;
  let broker: Broker;
  let link: SimulatedLink;
  let received: string[];
  /** Of questions what the user may do by now. */
  let asked: Answer[];
  let admit: (() => void) | undefined;
  let loginTakesLong: boolean;
  /** Of its tenant. */
  let chain: readonly string[];

  /** `topic`: the one that it may publish to. */
  function principal(topic: string, canLookAgain = true): Principal {
    const lookAgain = () =>
      new Promise<Principal | undefined>((give, fail) => {
        asked.push({ give, fail });
      });
    return {
      ...BIKE,
      verified: true,
      admittedBy: 'mysql',
      mayPublish: (wanted) => wanted === topic,
      maySubscribe: () => true,
      ...(canLookAgain ? { lookAgain } : {}),
    };
  }

  let first: Principal;
  const authenticator: Authenticator = {
    authenticate: async () => {
      const result = { allowed: true, principal: first } as const;
      if (loginTakesLong) await new Promise<void>((resolve) => (admit = resolve));
      return result;
    },
  };

  beforeEach(() => {
    time = new SimulatedTime();
    received = [];
    asked = [];
    loginTakesLong = false;
    first = principal('first');
    chain = ['mysql'];
    const isAsked = (_tenant: TenantId, name: string): boolean => chain.includes(name);
    broker = new Broker(simulatedOptions({ time, authenticator, isAsked }));
    const { sessionLog } = broker.services;
    void sessionLog.follow([], (entries) => {
      for (const entry of entries) broker.applySessionRecord(entry);
    });
    link = simulatedClient(broker, time, received);
  });

  async function connect(): Promise<void> {
    link.fromClient(CONNECT);
    await time.advance(20);
  }

  const mayPublish = (topic: string): boolean | undefined =>
    broker.tenant(DEFAULT_TENANT)?.active(CLIENT)?.principal.mayPublish(topic, 0, false);

  test('is looked at once more, and the client goes on with what that says', async () => {
    await connect();
    broker.usersChanged([BIKE, { ...BIKE, clientName: 'other' }]);
    asked[0]?.give(principal('second'));
    await time.advance(20);
    expect(asked).toHaveLength(1);
    expect(received).toEqual(['connack 0']);
    expect([mayPublish('first'), mayPublish('second')]).toEqual([false, true]);
  });

  test('that is changed again counts as it is then, whichever answer comes first', async () => {
    await connect();
    broker.usersChanged([BIKE]);
    broker.usersChanged([BIKE]);
    asked[1]?.give(principal('later'));
    await time.advance(20);
    asked[0]?.give(principal('earlier'));
    await time.advance(20);
    expect(mayPublish('later')).toBe(true);
    expect(received).toEqual(['connack 0']);
  });

  test.each([
    [
      'is gone',
      (answer: Answer) => {
        answer.give(undefined);
      },
    ],
    [
      'cannot be looked up now',
      (answer: Answer) => {
        answer.fail(new StoreUnavailableError('MySQL', 'wait'));
      },
    ],
  ])('that %s has to log in again', async (_, act) => {
    await connect();
    broker.usersChanged([BIKE]);
    for (const answer of asked) act(answer);
    await time.advance(20);
    expect(received).toEqual(['connack 0', LOG_IN_AGAIN, 'closed']);
  });

  test('of whom only a login can tell has to log in again', async () => {
    first = principal('first', false);
    await connect();
    broker.usersChanged([BIKE]);
    await time.advance(20);
    expect(received).toEqual(['connack 0', LOG_IN_AGAIN, 'closed']);
  });

  test('is looked at again if its login was under way', async () => {
    loginTakesLong = true;
    await connect();
    broker.usersChanged([BIKE]);
    expect(asked).toHaveLength(0);
    admit?.();
    await time.advance(20);
    expect(received).toEqual(['connack 0']);
    expect(asked).toHaveLength(1);
    asked[0]?.give(undefined);
    await time.advance(20);
    expect(received).toEqual(['connack 0', LOG_IN_AGAIN, 'closed']);
  });

  test('whose tenant has another chain by the time it is connected has to log in again', async () => {
    loginTakesLong = true;
    await connect();
    chain = ['jwt'];
    admit?.();
    await time.advance(20);
    expect(received).toEqual([`connack ${REASON.serverBusy}`, 'closed']);
    expect(broker.tenant(DEFAULT_TENANT)?.active(CLIENT)).toBeUndefined();
  });

  test('of which no word may have come is looked at too, and stays if nobody can be asked', async () => {
    await connect();
    void broker.changesMissed();
    asked[0]?.fail(new StoreUnavailableError('MySQL', 'wait'));
    await time.advance(20);
    expect(received).toEqual(['connack 0']);
    void broker.changesMissed();
    asked[1]?.give(undefined);
    await time.advance(20);
    expect(received).toEqual(['connack 0', LOG_IN_AGAIN, 'closed']);
  });

  test('is not forgotten over looking at everybody', async () => {
    await connect();
    broker.usersChanged([BIKE]);
    void broker.changesMissed();
    for (const { fail } of asked) fail(new StoreUnavailableError('MySQL', 'wait'));
    await time.advance(20);
    expect(received).toEqual(['connack 0', LOG_IN_AGAIN, 'closed']);
  });

  test('of a tenant whose rules were changed is looked at, and of other tenants nobody', async () => {
    await connect();
    await broker.tenantChanged('other' as TenantId);
    expect(asked).toHaveLength(0);
    void broker.tenantChanged(DEFAULT_TENANT);
    asked[0]?.fail(new StoreUnavailableError('MySQL', 'wait'));
    await time.advance(20);
    expect(received).toEqual(['connack 0', LOG_IN_AGAIN, 'closed']);
  });

  test('asked for everybody while that is under way, it is done once more behind it', async () => {
    await connect();
    void broker.changesMissed();
    void broker.changesMissed();
    asked[0]?.give(principal('second'));
    await time.advance(20);
    expect(asked).toHaveLength(2);
  });
});
