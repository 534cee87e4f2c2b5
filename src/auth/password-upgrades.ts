/**
 * Hashes passwords again that were hashed more weakly than new ones are: at a login, the only time the broker has them. It happens
 * behind the login, and what fails is tried again at the next one. Never makes a login wait or fail.
 */
import { LRUCache } from 'lru-cache';
import type { TenantUser } from '../tenancy/identity.ts';
import type { TimerHandle, Timers } from '../time/clock.ts';
import { formatPasswordHash, isWeaker, type PasswordCost, type PasswordHash } from './password-hash.ts';
import type { PasswordVerifier } from './password-verifier.ts';
import { userText } from './user-list.ts';

export interface PasswordUpgrade {
  readonly user: TenantUser;
  /** What is to be replaced; if the user has another hash by now, that one stays. */
  readonly from: PasswordHash;
  readonly to: PasswordHash;
}

export interface PasswordUpgradesOptions {
  readonly wanted: PasswordCost;
  readonly verifier: Pick<PasswordVerifier, 'hash'>;
  readonly newSalt: () => Buffer;
  /** Writes several at a time: a users file is read and written as a whole. Resolves to how many were written. */
  readonly store: (upgrades: readonly PasswordUpgrade[]) => Promise<number>;
  readonly onFailure: (error: unknown) => void;
  readonly timers: Timers;
}

/** Under way at a time; who logs in beyond that is upgraded another time. */
const PENDING_MAX = 1_000;
/** Of the last users whose hash was replaced it is remembered by which: see `isUpgrade`. */
const REMEMBERED_MAX = 10_000;
/** What comes together is written together. */
const GATHER_MS = 1_000;
/** After a failure: a store that takes nothing is not asked at every login. */
const PAUSE_MS = 60_000;

export class PasswordUpgrades {
  upgraded = 0;
  failed = 0;
  readonly #options: PasswordUpgradesOptions;
  readonly #pending = new Set<string>();
  readonly #remembered = new LRUCache<string, PasswordUpgrade>({ max: REMEMBERED_MAX });
  #hashed: PasswordUpgrade[] = [];
  #gathering: TimerHandle | undefined;
  #pause: TimerHandle | undefined;
  #isClosed = false;

  constructor(options: PasswordUpgradesOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** `password` is right for `from`. */
  consider(user: TenantUser, password: Buffer, from: PasswordHash): void {
    const { wanted } = this.#options;
    const key = userText(user);
    if (this.#isClosed || this.#pause !== undefined || !isWeaker(from, wanted)) return;
    if (this.#pending.has(key) || this.#pending.size >= PENDING_MAX) return;
    this.#pending.add(key);
    this.#hash(user, password, from).catch((error: unknown) => {
      this.#pending.delete(key);
      if (!this.#isClosed) this.#fail(1, error);
    });
  }

  /** Whether both are hashes of one password, as far as this process knows: it made `to` when `from` had been proven. */
  isUpgrade(user: TenantUser, from: PasswordHash, to: PasswordHash): boolean {
    const known = this.#remembered.get(userText(user));
    if (known === undefined) return false;
    return isSame(known.from, from) && isSame(known.to, to);
  }

  /** No timer is left, so that a process can end. What is not written yet is given up: the next login tries again. */
  close(): void {
    this.#isClosed = true;
    this.#gathering?.cancel();
    this.#pause?.cancel();
  }

  async #hash(user: TenantUser, password: Buffer, from: PasswordHash): Promise<void> {
    const { wanted, verifier, newSalt, timers } = this.#options;
    const to = await verifier.hash(password, newSalt(), wanted);
    if (this.#isClosed) return;
    if (to === undefined) {
      this.#pending.delete(userText(user));
      return;
    }
    const upgrade = { user, from, to };
    this.#remembered.set(userText(user), upgrade);
    this.#hashed.push(upgrade);
    if (this.#hashed.length === 1) this.#gathering = timers.after(GATHER_MS, () => void this.#write());
  }

  async #write(): Promise<void> {
    const upgrades = this.#hashed;
    this.#hashed = [];
    try {
      this.upgraded += await this.#options.store(upgrades);
    } catch (error) {
      this.#fail(upgrades.length, error);
    }
    for (const { user } of upgrades) this.#pending.delete(userText(user));
  }

  #fail(number: number, error: unknown): void {
    const { timers, onFailure } = this.#options;
    this.failed += number;
    onFailure(error);
    if (this.#isClosed) return;
    this.#pause?.cancel();
    this.#pause = timers.after(PAUSE_MS, () => {
      this.#pause = undefined;
    });
  }
}

function isSame(one: PasswordHash, other: PasswordHash): boolean {
  return formatPasswordHash(one) === formatPasswordHash(other);
}
