/** Users of all tenants as the broker knows them: an unchangeable list, replaced as a whole. */
import { parseUserName, type TenantId, type TenantUser } from '../tenancy/identity.ts';
import type { PasswordHash } from './password-hash.ts';
import type { ScramCredentials } from './scram-credentials.ts';
import { isSafeInFilter } from './place-holders.ts';
import type { TopicRule } from './topic-rule.ts';

export interface User extends TenantUser {
  /** undefined: no password lets this user in. */
  readonly passwordHash: PasswordHash | undefined;
  /** undefined: SCRAM lets this user in with no password. */
  readonly scram: ScramCredentials | undefined;
  /** A verified client certificate of this name lets the user in without a password. */
  readonly certificate: boolean;
  readonly rules: readonly TopicRule[];
}

/** `tenant/clientName`, also for users of the default tenant. */
export function userText({ tenant, clientName }: TenantUser): string {
  return `${tenant}/${clientName}`;
}

/** Characters of a client name. */
const CLIENT_NAME_MAX = 256;

/** `{tenant}/{clientName}`, or a client name of the default tenant, as `parseUserName` says; undefined: no user can be listed so. */
export function parseListedUser(text: string, defaultTenant: TenantId | undefined): TenantUser | undefined {
  const user = parseUserName(text, defaultTenant);
  if (user === undefined || user.clientName.length > CLIENT_NAME_MAX) return undefined;
  return isSafeInFilter(user.clientName) && !/\p{Cc}/u.test(user.clientName) ? user : undefined;
}

export class UserList {
  /** What the salts of users come from that SCRAM makes up; undefined: nobody on the list uses SCRAM. */
  readonly scramSecret: Buffer | undefined;
  readonly #users: ReadonlyMap<string, User>;

  constructor(users: Iterable<User>, scramSecret?: Buffer) {
    this.scramSecret = scramSecret;
    this.#users = new Map(Array.from(users, (user) => [userText(user), user]));
  }

  find(user: TenantUser): User | undefined {
    return this.#users.get(userText(user));
  }

  get size(): number {
    return this.#users.size;
  }

  [Symbol.iterator](): Iterator<User> {
    return this.#users.values();
  }
}
