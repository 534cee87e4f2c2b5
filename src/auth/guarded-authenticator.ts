/** Puts a `LoginGuard` before authenticators: who is locked out is not asked for anything. */
import { REASON } from '../mqtt/reason-code.ts';
import type { TenantUser } from '../tenancy/identity.ts';
import type {
  AuthResult,
  Authenticator,
  Credentials,
  EnhancedAuthExchange,
  EnhancedAuthStep,
  EnhancedAuthenticator,
} from './authenticator.ts';
import type { LoginAttempt, LoginGuard } from './login-guard.ts';
import { userText } from './user-list.ts';

/** Says nothing about the password, also when it is right: or guessing would go on. */
const LOCKED_OUT = {
  reasonCode: REASON.connectionRateExceeded,
  detail: 'too many failed logins: try again later',
} as const;

export class GuardedAuthenticator implements Authenticator {
  readonly #inner: Authenticator;
  readonly #guard: LoginGuard;

  constructor(inner: Authenticator, guard: LoginGuard) {
    this.#inner = inner;
    this.#guard = guard;
  }

  async authenticate(credentials: Credentials): Promise<AuthResult> {
    const attempt = attemptOf(credentials, credentials);
    if (this.#isLockedOut(attempt)) return { allowed: false, ...LOCKED_OUT };
    const isUnwanted = (): boolean => credentials.isUnwanted?.() === true || this.#guard.isLockedOut(attempt);
    const result = await this.#inner.authenticate({ ...credentials, isUnwanted });
    // Asked again: many guesses may have been let in together, and only as many get an answer as are counted.
    if (this.#isLockedOut(attempt)) return { allowed: false, ...LOCKED_OUT };
    if (result.allowed) this.#guard.succeeded(attempt);
    else if (result.reasonCode === REASON.badUserNameOrPassword) this.#guard.failed(attempt);
    return result;
  }

  #isLockedOut(attempt: LoginAttempt): boolean {
    return turnedAway(this.#guard, attempt);
  }
}

export class GuardedEnhancedAuthenticator implements EnhancedAuthenticator {
  readonly method: string;
  readonly #inner: EnhancedAuthenticator;
  readonly #guard: LoginGuard;

  constructor(inner: EnhancedAuthenticator, guard: LoginGuard) {
    this.method = inner.method;
    this.#inner = inner;
    this.#guard = guard;
  }

  begin(credentials: Credentials): EnhancedAuthExchange {
    const exchange = this.#inner.begin(credentials);
    return { step: (data) => this.#step(exchange, credentials, data) };
  }

  async #step(
    exchange: EnhancedAuthExchange,
    credentials: Credentials,
    data: Buffer | undefined,
  ): Promise<EnhancedAuthStep> {
    const isLockedOut = (): boolean =>
      turnedAway(this.#guard, attemptOf(exchange.user ?? credentials, credentials));
    if (isLockedOut()) return { outcome: 'refused', ...LOCKED_OUT };
    const step = await exchange.step(data);
    // The exchange may know by now whom it is about.
    if (isLockedOut()) return { outcome: 'refused', ...LOCKED_OUT };
    const attempt = attemptOf(exchange.user ?? credentials, credentials);
    if (step.outcome === 'refused' && step.reasonCode === REASON.badUserNameOrPassword)
      this.#guard.failed(attempt);
    if (step.outcome === 'allowed') this.#guard.succeeded(attempt);
    return step;
  }
}

function turnedAway(guard: LoginGuard, attempt: LoginAttempt): boolean {
  if (!guard.isLockedOut(attempt)) return false;
  guard.turnedAway++;
  return true;
}

function attemptOf(user: TenantUser, { address }: Credentials): LoginAttempt {
  return { user: user.clientName === '' ? undefined : userText(user), address };
}
