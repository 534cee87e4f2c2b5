/**
 * Locks out who guesses: after so many wrong logins within a window nobody logs in as that user, or from that address, for a while.
 * Somebody who logged in as a user from an address lately is judged by the failures of the two together, so that a stranger
 * locks nobody out of his own place. What is remembered has a bound; what falls out is what was used longest ago.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../time/clock.ts';
import { networkKey } from './network-key.ts';

export interface LoginGuardOptions {
  readonly clock: Clock;
  /** Wrong logins as one user within the window; 0: no limit. */
  readonly userFailuresMax: number;
  /** Wrong logins from one address within the window; 0: no limit. */
  readonly addressFailuresMax: number;
  readonly windowMs: number;
  readonly lockMs: number;
  /** Users, addresses, and pairs of them: so many of each. */
  readonly trackedMax: number;
  readonly onLocked: (locked: LockedOut) => void;
}

export interface LoginAttempt {
  /** As the client claims to be, see `userText`; undefined: it claims nothing yet. */
  readonly user: string | undefined;
  readonly address: string;
}

export interface LockedOut extends LoginAttempt {
  readonly by: 'user' | 'address';
  readonly forMs: number;
}

interface Failures {
  count: number;
  readonly sinceMs: number;
  lockedUntilMs: number;
}

export class LoginGuard {
  /** Logins refused unseen. */
  turnedAway = 0;
  /** Times that a user or an address was locked out. */
  lockOuts = 0;
  failures = 0;
  readonly #options: LoginGuardOptions;
  readonly #users: LRUCache<string, Failures>;
  readonly #addresses: LRUCache<string, Failures>;
  /** Of user and address that belong together: an entry without failures as well. */
  readonly #familiar: LRUCache<string, Failures>;

  constructor(options: LoginGuardOptions) {
    this.#options = options;
    const max = options.trackedMax;
    this.#users = new LRUCache({ max });
    this.#addresses = new LRUCache({ max });
    this.#familiar = new LRUCache({ max });
  }

  /** Users and addresses with failures that are remembered. */
  get tracked(): number {
    return this.#users.size + this.#addresses.size;
  }

  isLockedOut(attempt: LoginAttempt): boolean {
    const nowMs = this.#options.clock.nowMs();
    const { user, address } = attempt;
    const familiar = this.#familiar.peek(pairKey(attempt));
    const strange = [
      user === undefined ? undefined : this.#users.peek(user),
      this.#addresses.peek(networkKey(address)),
    ];
    return (familiar === undefined ? strange : [familiar]).some(
      (failures) => failures !== undefined && failures.lockedUntilMs > nowMs,
    );
  }

  failed(attempt: LoginAttempt): void {
    const { userFailuresMax, addressFailuresMax } = this.#options;
    this.failures++;
    const { user, address } = attempt;
    const pair = pairKey(attempt);
    if (this.#familiar.peek(pair) !== undefined)
      this.#count(this.#familiar, pair, userFailuresMax, 'user', attempt);
    else if (user !== undefined) this.#count(this.#users, user, userFailuresMax, 'user', attempt);
    this.#count(this.#addresses, networkKey(address), addressFailuresMax, 'address', attempt);
  }

  /** Forgives nothing: else who shares an address with a device could guess on after each of its logins. */
  succeeded(attempt: LoginAttempt): void {
    if (attempt.user === undefined) return;
    const pair = pairKey(attempt);
    const nowMs = this.#options.clock.nowMs();
    this.#familiar.set(pair, this.#familiar.get(pair) ?? { count: 0, sinceMs: nowMs, lockedUntilMs: 0 });
  }

  #count(
    tracked: LRUCache<string, Failures>,
    key: string,
    max: number,
    by: LockedOut['by'],
    attempt: LoginAttempt,
  ): void {
    if (max === 0) return;
    const { clock, windowMs, lockMs, onLocked } = this.#options;
    const nowMs = clock.nowMs();
    const before = tracked.get(key);
    const failures =
      before === undefined || nowMs - before.sinceMs >= windowMs
        ? { count: 0, sinceMs: nowMs, lockedUntilMs: before?.lockedUntilMs ?? 0 }
        : before;
    failures.count++;
    tracked.set(key, failures);
    if (failures.count < max || failures.lockedUntilMs > nowMs) return;
    failures.lockedUntilMs = nowMs + lockMs;
    this.lockOuts++;
    onLocked({ ...attempt, by, forMs: lockMs });
  }
}

function pairKey({ user, address }: LoginAttempt): string {
  return `${networkKey(address)} ${user ?? ''}`;
}
