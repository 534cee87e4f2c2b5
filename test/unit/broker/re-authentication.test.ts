/** MQTT 5.0, section 4.12: enhanced authentication at CONNECT and once more on the open connection. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { EnhancedAuthenticator, EnhancedAuthStep } from '../../../src/auth/authenticator.ts';
import { Broker } from '../../../src/broker/broker.ts';
import type { AuthPacket, ConnectPacket } from '../../../src/mqtt/packets.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, type ClientId } from '../../../src/tenancy/identity.ts';
import type { SimulatedLink } from '../../support/simulated-link.ts';
import { connectPacket, simulatedClient } from '../../support/simulated-client.ts';
import { simulatedOptions } from '../../support/simulated-services.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const METHOD = 'question';

const PRINCIPAL = {
  tenant: DEFAULT_TENANT,
  clientName: '',
  verified: false,
  mayPublish: () => true,
  maySubscribe: () => true,
};

/** Asks one question; the answer is `yes`. */
const authenticator: EnhancedAuthenticator = {
  method: METHOD,
  begin: () => ({
    step: (data): Promise<EnhancedAuthStep> => {
      const answer = data?.toString();
      if (answer === undefined) return Promise.resolve({ outcome: 'continue', data: Buffer.from('well?') });
      if (answer === 'yes')
        return Promise.resolve({ outcome: 'allowed', principal: PRINCIPAL, data: undefined });
      if (answer === 'crash') return Promise.reject(new Error('no directory'));
      return Promise.resolve({
        outcome: 'refused',
        reasonCode: REASON.notAuthorized,
        detail: 'wrong answer',
      });
    },
  }),
};

const CONNECT = connectPacket({ authenticationMethod: METHOD });

function auth(reasonCode: number, answer: string | undefined, method = METHOD): AuthPacket {
  const authenticationData = answer === undefined ? undefined : Buffer.from(answer);
  return { type: 'auth', reasonCode, authenticationMethod: method, authenticationData };
}

describe('enhanced authentication', () => {
  let time: SimulatedTime;
  let broker: Broker;
  let link: SimulatedLink;
  let received: string[];

  beforeEach(() => {
    time = new SimulatedTime();
    received = [];
    broker = new Broker(simulatedOptions({ time, enhancedAuthenticators: [authenticator] }));
    const { sessionLog } = broker.services;
    void sessionLog.follow([], (entries) => {
      for (const entry of entries) broker.applySessionRecord(entry);
    });
    link = simulatedClient(broker, time, received);
  });

  async function send(packet: ConnectPacket | AuthPacket | { readonly type: 'pingreq' }): Promise<void> {
    link.fromClient(packet);
    await time.advance(20);
  }

  async function connected(): Promise<void> {
    await send(CONNECT);
    await send(auth(REASON.continueAuthentication, 'yes'));
    expect(received.splice(0)).toEqual(['auth 24', 'connack 0']);
  }

  test('CONNECT waits for the exchange', async () => {
    await connected();
    expect(broker.tenant(DEFAULT_TENANT)?.active('bike' as ClientId)).toBeDefined();
  });

  test.each([
    ['a wrong answer', auth(REASON.continueAuthentication, 'no'), 'connack 135'],
    ['another method', auth(REASON.continueAuthentication, 'yes', 'other'), 'connack 130'],
    ['another packet', { type: 'pingreq' } as const, 'connack 130'],
  ])('CONNECT is refused after %s', async (_, packet, answer) => {
    await send(CONNECT);
    await send(packet);
    expect(received).toEqual(['auth 24', answer, 'closed']);
  });

  test('a method that is not offered is refused', async () => {
    await send({ ...CONNECT, authenticationMethod: 'unknown' });
    expect(received).toEqual(['connack 140', 'closed']);
  });

  test('re-authentication runs beside other packets and may be repeated', async () => {
    await connected();
    for (let round = 0; round < 2; round++) {
      await send(auth(REASON.reAuthenticate, undefined));
      await send({ type: 'pingreq' });
      await send(auth(REASON.continueAuthentication, 'yes'));
      expect(received.splice(0)).toEqual(['auth 24', 'pingresp', 'auth 0']);
    }
  });

  test.each([
    ['a wrong answer', auth(REASON.continueAuthentication, 'no'), 'disconnect 135'],
    ['a directory that fails', auth(REASON.continueAuthentication, 'crash'), 'disconnect 128'],
    ['another method', auth(REASON.continueAuthentication, 'yes', 'other'), 'disconnect 130'],
    ['a second beginning', auth(REASON.reAuthenticate, undefined), 'disconnect 130'],
  ])('re-authentication with %s ends the connection', async (_, packet, answer) => {
    await connected();
    await send(auth(REASON.reAuthenticate, undefined));
    await send(packet);
    expect(received).toEqual(['auth 24', answer, 'closed']);
  });

  test('an answer that nobody asked for ends the connection', async () => {
    await connected();
    await send(auth(REASON.continueAuthentication, 'yes'));
    expect(received).toEqual(['disconnect 130', 'closed']);
  });

  test('AUTH on a connection made without a method ends it [MQTT-4.12.1-1]', async () => {
    await send({ ...CONNECT, authenticationMethod: undefined });
    await send(auth(REASON.reAuthenticate, 'yes'));
    expect(received).toEqual(['connack 0', 'disconnect 130', 'closed']);
  });
});
