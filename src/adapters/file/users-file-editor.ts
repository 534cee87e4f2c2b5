/** Changes single users of the users file, keeping comments and order; the result is checked before it is kept. */
import { readFile } from 'node:fs/promises';
import { isMap, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { formatPasswordHash } from '../../auth/password-hash.ts';
import type { PasswordHash } from '../../auth/password-hash.ts';
import type { PasswordUpgrade } from '../../auth/password-upgrades.ts';
import { formatScramCredentials, type ScramCredentials } from '../../auth/scram-credentials.ts';
import { parseListedUser, userText, type UserList } from '../../auth/user-list.ts';
import type { TenantId, TenantUser } from '../../tenancy/identity.ts';
import { isErrno, replaceFile } from './atomic-write.ts';
import { parseUsersFile } from './users-file.ts';

/** SCRAM credentials, and the secret that the file gets if it has none. */
export interface NewScram {
  readonly credentials: ScramCredentials;
  readonly secret: Buffer;
}

export interface NewUser {
  readonly user: TenantUser;
  readonly passwordHash: PasswordHash | undefined;
  readonly scram: NewScram | undefined;
  readonly certificate: boolean;
  /** undefined: the rules at the top of the file; without those, `FULL_RIGHTS`. */
  readonly rules: readonly string[] | undefined;
}

/** Written out for users added without rules, so that the file says what they may do. */
export const FULL_RIGHTS = ['allow all #'];

export class UnknownUserError extends Error {
  override readonly name = 'UnknownUserError';
  readonly code = 'UNKNOWN_USER';

  constructor(user: TenantUser, file: string) {
    super(`${userText(user)} is not in ${file}: see "spoke user list"`);
  }
}

export class UserExistsError extends Error {
  override readonly name = 'UserExistsError';
  readonly code = 'USER_EXISTS';

  constructor(user: TenantUser, file: string) {
    super(`${userText(user)} is in ${file} already: use "spoke user passwd", or remove it first`);
  }
}

export class UsersFileEditor {
  readonly file: string;
  readonly #defaultTenant: TenantId | undefined;

  /** `defaultTenant`: of names in the file that say none. */
  constructor(file: string, defaultTenant: TenantId | undefined) {
    this.file = file;
    this.#defaultTenant = defaultTenant;
  }

  /** Creates the file if need be. Resolves to the rules the user got; undefined: those at the top of the file. */
  async add({
    user,
    passwordHash,
    scram,
    certificate,
    rules,
  }: NewUser): Promise<readonly string[] | undefined> {
    let given = rules;
    await this.#edit((document) => {
      if (this.#keyOf(document, user) !== undefined) throw new UserExistsError(user, this.file);
      if (given === undefined && !document.has('rules')) given = FULL_RIGHTS;
      document.setIn(['users', userText(user)], {
        ...(passwordHash === undefined ? {} : { password: formatPasswordHash(passwordHash) }),
        ...(scram === undefined ? {} : { scram: formatScramCredentials(scram.credentials) }),
        ...(certificate ? { certificate } : {}),
        ...(given === undefined ? {} : { rules: given }),
      });
      if (scram !== undefined) keepSecret(document, scram);
    });
    return given;
  }

  /** `scram` undefined: what the user had for SCRAM goes, or the old password would still let him in. */
  setPassword(user: TenantUser, passwordHash: PasswordHash, scram: NewScram | undefined): Promise<void> {
    return this.#edit((document) => {
      const key = this.#existing(document, user);
      document.setIn(['users', key, 'password'], formatPasswordHash(passwordHash));
      if (scram === undefined) document.deleteIn(['users', key, 'scram']);
      else {
        document.setIn(['users', key, 'scram'], formatScramCredentials(scram.credentials));
        keepSecret(document, scram);
      }
    });
  }

  /** Resolves to how many were written: users whose password is another one by now are left alone. */
  async upgradePasswords(upgrades: readonly PasswordUpgrade[]): Promise<number> {
    let written = 0;
    await this.#edit((document) => {
      for (const { user, from, to } of upgrades) {
        const key = this.#keyOf(document, user);
        if (key === undefined) continue;
        const path = ['users', key, 'password'];
        if (document.getIn(path) !== formatPasswordHash(from)) continue;
        document.setIn(path, formatPasswordHash(to));
        written++;
      }
    });
    return written;
  }

  /** Whether the user may log in by SCRAM. */
  async hasScram(user: TenantUser): Promise<boolean> {
    return this.#parse(await textOf(this.file)).find(user)?.scram !== undefined;
  }

  remove(user: TenantUser): Promise<void> {
    return this.#edit((document) => {
      document.deleteIn(['users', this.#existing(document, user)]);
    });
  }

  #existing(document: Document, user: TenantUser): string {
    const key = this.#keyOf(document, user);
    if (key === undefined) throw new UnknownUserError(user, this.file);
    return key;
  }

  async #edit(change: (document: Document) => void): Promise<void> {
    await replaceFile(this.file, async () => {
      const text = await textOf(this.file);
      this.#parse(text);
      const document = parseDocument(text);
      // `users:` without anything below is null, which takes no members.
      if (document.get('users') === null) document.delete('users');
      change(document);
      const edited = document.toString({ lineWidth: 0 });
      this.#parse(edited);
      return edited;
    });
  }

  /** The key as written: `NAME` and `TENANT/NAME` are the same user, if the tenant is the default one. */
  #keyOf(document: Document, user: TenantUser): string | undefined {
    const users = document.get('users');
    if (!isMap(users)) return undefined;
    const keys = users.items.map((item) => String(item.key));
    return keys.find((key) => {
      const named = parseListedUser(key, this.#defaultTenant);
      return named !== undefined && userText(named) === userText(user);
    });
  }

  #parse(text: string): UserList {
    return parseUsersFile(this.file, text, this.#defaultTenant);
  }
}

function keepSecret(document: Document, { secret }: NewScram): void {
  if (!document.has('scramSecret')) document.set('scramSecret', secret.toString('base64'));
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  }
}
