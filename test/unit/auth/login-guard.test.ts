import { describe, expect, it } from 'vitest';
import { REFUSED } from '../../../src/auth/admission.ts';
import type { DeriveArgon2id } from '../../../src/auth/argon2id-hash.ts';
import type { AuthResult, Authenticator, Credentials } from '../../../src/auth/authenticator.ts';
import {
  GuardedAuthenticator,
  GuardedEnhancedAuthenticator,
} from '../../../src/auth/guarded-authenticator.ts';
import { LoginGuard, type LockedOut, type LoginGuardOptions } from '../../../src/auth/login-guard.ts';
import { PASSWORD_VERIFIER_DEFAULTS, PasswordVerifier } from '../../../src/auth/password-verifier.ts';
import { hashInVain } from '../../../src/auth/user-authenticator.ts';
import { networkKey } from '../../../src/auth/network-key.ts';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { DEFAULT_TENANT, type ClientId } from '../../../src/tenancy/identity.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

const HOME = '192.0.2.1';
const AWAY = '198.51.100.9';
const WINDOW_MS = 60_000;
const LOCK_MS = 30_000;

function guarded(options: Partial<LoginGuardOptions> = {}) {
  const time = new ManualTimers();
  const locked: LockedOut[] = [];
  const guard = new LoginGuard({
    clock: time,
    userFailuresMax: 3,
    addressFailuresMax: 5,
    windowMs: WINDOW_MS,
    lockMs: LOCK_MS,
    trackedMax: 100,
    onLocked: (one) => locked.push(one),
    ...options,
  });
  const fail = (user: string | undefined, address: string, times: number): void => {
    for (let time = 0; time < times; time++) guard.failed({ user, address });
  };
  const isLockedOut = (user: string | undefined, address: string): boolean =>
    guard.isLockedOut({ user, address });
  return { guard, time, locked, fail, isLockedOut };
}

describe('LoginGuard', () => {
  it('locks a user out after so many failures, known or not, for a while', () => {
    const { time, locked, fail, isLockedOut } = guarded();
    fail('t/u', HOME, 2);
    expect(isLockedOut('t/u', HOME)).toBe(false);
    fail('t/u', AWAY, 1);
    expect(isLockedOut('t/u', HOME)).toBe(true);
    expect(isLockedOut('t/other', HOME)).toBe(false);
    expect(locked).toEqual([{ user: 't/u', address: AWAY, by: 'user', forMs: LOCK_MS }]);
    time.advance(LOCK_MS);
    expect(isLockedOut('t/u', HOME)).toBe(false);
  });

  it('locks an address out that tries many users', () => {
    const { fail, isLockedOut, locked } = guarded();
    for (const user of ['a', 'b', 'c', 'd', 'e']) fail(user, AWAY, 1);
    expect(isLockedOut('f', AWAY)).toBe(true);
    expect(isLockedOut('f', HOME)).toBe(false);
    expect(locked).toMatchObject([{ by: 'address' }]);
  });

  it('forgets failures that are spread over more than a window', () => {
    const { fail, time, isLockedOut } = guarded();
    fail('t/u', HOME, 2);
    time.advance(WINDOW_MS);
    fail('t/u', HOME, 2);
    expect(isLockedOut('t/u', HOME)).toBe(false);
  });

  it('lets nobody lock a device out of the place it logs in from', () => {
    const { guard, fail, isLockedOut } = guarded();
    guard.succeeded({ user: 't/u', address: HOME });
    fail('t/u', AWAY, 3);
    for (const user of ['a', 'b', 'c', 'd', 'e']) fail(user, HOME, 1);
    expect(isLockedOut('t/u', AWAY)).toBe(true);
    expect(isLockedOut('a', HOME)).toBe(true);
    expect(isLockedOut('t/u', HOME)).toBe(false);
  });

  it('lets who shares that place guess no more than others, however often the device logs in', () => {
    const { guard, fail, isLockedOut } = guarded();
    for (let guess = 0; guess < 3; guess++) {
      guard.succeeded({ user: 't/u', address: HOME });
      fail('t/u', HOME, 1);
    }
    guard.succeeded({ user: 't/u', address: HOME });
    expect(isLockedOut('t/u', HOME)).toBe(true);
  });

  it('counts who names no user by address alone', () => {
    const { fail, isLockedOut } = guarded();
    fail(undefined, HOME, 4);
    expect(isLockedOut(undefined, HOME)).toBe(false);
    expect(isLockedOut(undefined, AWAY)).toBe(false);
    fail(undefined, HOME, 1);
    expect(isLockedOut(undefined, HOME)).toBe(true);
  });

  it('remembers no more than it is told to', () => {
    const { guard, fail } = guarded({ trackedMax: 10 });
    for (let stranger = 0; stranger < 1_000; stranger++)
      fail(`t/${stranger}`, `10.0.${stranger >> 8}.${stranger & 255}`, 1);
    expect(guard.tracked).toBe(20);
    expect(guard.failures).toBe(1_000);
  });

  it('can be turned off', () => {
    const { fail, isLockedOut } = guarded({ userFailuresMax: 0, addressFailuresMax: 0 });
    fail('t/u', HOME, 1_000);
    expect(isLockedOut('t/u', HOME)).toBe(false);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1:2:3:4', 'fe80:0:0:0::/64'],
  ])('takes %s for %s', (address, key) => {
    expect(networkKey(address)).toBe(key);
  });
});

const credentials: Credentials = {
  tenant: DEFAULT_TENANT,
  clientName: 'bike',
  clientId: 'bike-7' as ClientId,
  password: Buffer.from('guess'),
  certificateName: undefined,
  defaultTenant: DEFAULT_TENANT,
  address: AWAY,
  level: 5,
};
const LOCKED = { allowed: false, reasonCode: REASON.connectionRateExceeded };
const WRONG: AuthResult = { allowed: false, reasonCode: REASON.badUserNameOrPassword, detail: 'no' };

function answering(...answers: readonly AuthResult[]): Authenticator & { asked: number } {
  return {
    asked: 0,
    authenticate() {
      const answer = answers[this.asked++ % answers.length];
      return answer === undefined ? Promise.reject(new Error('no answer')) : Promise.resolve(answer);
    },
  };
}

describe('GuardedAuthenticator', () => {
  const principal = {
    tenant: DEFAULT_TENANT,
    clientName: 'bike',
    verified: true,
    mayPublish: () => true,
    maySubscribe: () => true,
  };

  it('asks nobody about who is locked out, even with the right password', async () => {
    const { guard, time } = guarded();
    const inner = answering(WRONG, WRONG, WRONG, { allowed: true, principal });
    const authenticator = new GuardedAuthenticator(inner, guard);
    for (let guess = 0; guess < 3; guess++)
      expect(await authenticator.authenticate(credentials)).toEqual(WRONG);
    expect(await authenticator.authenticate(credentials)).toMatchObject(LOCKED);
    expect(inner.asked).toBe(3);
    expect(guard.turnedAway).toBe(1);
    time.advance(LOCK_MS);
    expect(await authenticator.authenticate(credentials)).toMatchObject({ allowed: true });
  });

  it('answers no more guesses that came together than those that came one by one', async () => {
    const { guard } = guarded();
    const authenticator = new GuardedAuthenticator(answering(WRONG), guard);
    const guesses = Array.from({ length: 50 }, () => authenticator.authenticate(credentials));
    const answers = await Promise.all(guesses);
    expect(answers.filter((answer) => answer === WRONG)).toHaveLength(3);
    expect(answers.slice(3)).toEqual(answers.slice(3).map(() => expect.objectContaining(LOCKED) as unknown));
  });

  it('has no more guesses hashed that wait together than are answered, and none of who is gone', async () => {
    const { guard } = guarded();
    let hashed = 0;
    const derive: DeriveArgon2id = (_password, _salt, _cost, bytes) => {
      hashed++;
      return Promise.resolve(Buffer.alloc(bytes, 1));
    };
    const verifier = new PasswordVerifier({
      ...PASSWORD_VERIFIER_DEFAULTS,
      cacheKey: Buffer.alloc(32),
      argon2id: derive,
    });
    const cost = { memoryKib: 1_024, passes: 1, lanes: 1 };
    const decoy = { ...cost, salt: Buffer.alloc(16), hash: Buffer.alloc(32) };
    const inner: Authenticator = { authenticate: (guess) => hashInVain(guess, { verifier, decoy }) };
    const authenticator = new GuardedAuthenticator(inner, guard);
    const login = (attempt: number, isGone = false) =>
      authenticator.authenticate({
        ...credentials,
        password: Buffer.from(`guess ${attempt}`),
        isUnwanted: () => isGone,
      });
    await login(0, true);
    expect(hashed).toBe(0);
    const answers = await Promise.all(Array.from({ length: 1_000 }, (_, attempt) => login(attempt)));
    expect(answers.filter((answer) => answer === REFUSED)).toHaveLength(3);
    expect(hashed).toBeLessThanOrEqual(3 + PASSWORD_VERIFIER_DEFAULTS.hashesAtATime);
  });

  it('takes refusals that are no guesses for none', async () => {
    const { guard } = guarded();
    const busy: AuthResult = { allowed: false, reasonCode: REASON.serverBusy, detail: 'later' };
    const authenticator = new GuardedAuthenticator(answering(busy), guard);
    for (let time = 0; time < 10; time++) expect(await authenticator.authenticate(credentials)).toEqual(busy);
  });

  it('counts an enhanced exchange for the user it names, whatever CONNECT said', async () => {
    const { guard, isLockedOut } = guarded();
    const authenticator = new GuardedEnhancedAuthenticator(
      {
        method: 'TEST',
        begin: () => ({
          user: { tenant: DEFAULT_TENANT, clientName: 'named-later' },
          step: () =>
            Promise.resolve({ outcome: 'refused', reasonCode: REASON.badUserNameOrPassword, detail: 'no' }),
        }),
      },
      guard,
    );
    const step = () => authenticator.begin({ ...credentials, clientName: '' }).step(undefined);
    for (let guess = 0; guess < 3; guess++)
      expect(await step()).toMatchObject({ reasonCode: REASON.badUserNameOrPassword });
    expect(await step()).toMatchObject({ outcome: 'refused', reasonCode: REASON.connectionRateExceeded });
    expect(isLockedOut('default/named-later', HOME)).toBe(true);
  });
});
