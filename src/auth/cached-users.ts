/**
 * Users that were looked up lately, and names that nobody has: in this process, and where there is one in a cache that brokers share. Many
 * who ask for one user at a time cost one look-up. What is remembered has a bound and an age; a change that is heard of ends it at once.
 */
import { LRUCache } from 'lru-cache';
import type { TenantId, TenantUser } from '../tenancy/identity.ts';
import type { Clock } from '../time/clock.ts';
import { userText, type User } from './user-list.ts';
import type { UserSource } from './user-source.ts';

/** A cache of all brokers. It never rejects: when it is away, it knows nothing. */
export interface SharedUsers {
  /** Every change is heard of; false: some may have been missed, and are. */
  readonly hearsChanges: boolean;
  /** undefined: away. */
  read(user: TenantUser): Promise<SharedAnswer | undefined>;
  /** What was looked up after `answer`; forgotten if the user has changed since then. */
  write(user: TenantUser, answer: SharedAnswer, found: User | undefined): void;
}

export interface SharedAnswer {
  /** What is known; undefined: nothing. */
  readonly known: { readonly user: User | undefined } | undefined;
  readonly generation: string;
}

export interface CachedUsersOptions {
  readonly source: UserSource;
  /** Default: none, and changes are heard of by their age only. */
  readonly shared?: SharedUsers;
  readonly clock: Clock;
  /** Milliseconds that a user is remembered. */
  readonly ttlMs: number;
  /** Milliseconds that it is remembered that there is no such user. */
  readonly negativeTtlMs: number;
  readonly usersMax: number;
}

interface Remembered {
  readonly user: User | undefined;
  readonly atMs: number;
}

/** While changes may be missed. */
const UNHEARD_TTL_MS = 1_000;

export class CachedUsers implements UserSource {
  hits = 0;
  sharedHits = 0;
  misses = 0;
  readonly #options: CachedUsersOptions;
  readonly #remembered: LRUCache<string, Remembered>;
  readonly #underWay = new Map<string, Promise<User | undefined>>();

  constructor(options: CachedUsersOptions) {
    this.#options = options;
    this.#remembered = new LRUCache({ max: options.usersMax });
  }

  get size(): number {
    return this.#remembered.size;
  }

  find(user: TenantUser): Promise<User | undefined> {
    const key = userText(user);
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined && this.#isFresh(remembered)) {
      this.hits++;
      return Promise.resolve(remembered.user);
    }
    const asked = this.#underWay.get(key);
    if (asked !== undefined) return asked;
    const answer = this.#lookUp(user);
    this.#underWay.set(key, answer);
    const settle = (found?: Remembered): void => {
      // Another one is there when the user changed meanwhile: then nothing of this one counts any more.
      if (this.#underWay.get(key) !== answer) return;
      this.#underWay.delete(key);
      if (found !== undefined) this.#remembered.set(key, found);
    };
    const { clock } = this.#options;
    const atMs = clock.nowMs();
    answer.then(
      (found) => {
        settle({ user: found, atMs });
      },
      () => {
        settle();
      },
    );
    return answer;
  }

  /** What was known of the user counts no more, and neither does what is being looked up. */
  forget(user: TenantUser): void {
    const key = userText(user);
    this.#remembered.delete(key);
    this.#underWay.delete(key);
  }

  /** As `forget`, with all users of the tenant: looks at everything that is remembered. */
  forgetTenant(tenant: TenantId): void {
    const prefix = `${tenant}/`;
    for (const keys of [this.#remembered, this.#underWay])
      for (const key of [...keys.keys()]) if (key.startsWith(prefix)) keys.delete(key);
  }

  forgetAll(): void {
    this.#remembered.clear();
    this.#underWay.clear();
  }

  #isFresh({ user, atMs }: Remembered): boolean {
    const { clock, shared, ttlMs, negativeTtlMs } = this.#options;
    const ageMs = clock.nowMs() - atMs;
    if (shared?.hearsChanges === false && ageMs >= UNHEARD_TTL_MS) return false;
    return ageMs < (user === undefined ? negativeTtlMs : ttlMs);
  }

  async #lookUp(user: TenantUser): Promise<User | undefined> {
    const { source, shared } = this.#options;
    const answer = await shared?.read(user);
    if (answer?.known !== undefined) {
      this.sharedHits++;
      return answer.known.user;
    }
    this.misses++;
    const found = await source.find(user);
    if (answer !== undefined) shared?.write(user, answer, found);
    return found;
  }
}
