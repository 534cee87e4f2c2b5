/**
 * The users file while the broker runs: read again when it changes, taken over as a whole or, when it cannot be
 * used, not at all: then the list from before stays.
 */
import { readFile } from 'node:fs/promises';
import type { UserList } from '../../auth/user-list.ts';
import type { TenantId } from '../../tenancy/identity.ts';
import { isErrno } from './atomic-write.ts';
import { fileVersion } from './file-version.ts';
import { parseUsersFile, UsersFileError } from './users-file.ts';

export interface WatchedUsersOptions {
  readonly file: string;
  /** Of names in it that say none. */
  readonly defaultTenant: TenantId | undefined;
  /** How often the file's time and size are looked at. */
  readonly checkEveryMs: number;
  readonly onReload: (users: UserList, before: UserList) => void;
  /** The file changed and cannot be used. */
  readonly onProblem: (error: Error) => void;
}

export class WatchedUsers {
  readonly #options: WatchedUsersOptions;
  readonly #timer: NodeJS.Timeout;
  #users: UserList;
  #version: string;
  #checking: Promise<void> | undefined;

  /** Rejects when the file cannot be used: a broker must not start with nobody able to log in. */
  static async open(options: WatchedUsersOptions): Promise<WatchedUsers> {
    const version = await fileVersion(options.file);
    return new WatchedUsers(options, version, await load(options));
  }

  private constructor(options: WatchedUsersOptions, version: string, users: UserList) {
    this.#options = options;
    this.#version = version;
    this.#users = users;
    this.#timer = setInterval(() => void this.check(), options.checkEveryMs);
    this.#timer.unref();
  }

  get users(): UserList {
    return this.#users;
  }

  /** Looks at the file now. Never rejects; see `onProblem`. */
  check(): Promise<void> {
    this.#checking ??= this.#reload().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #reload(): Promise<void> {
    try {
      // The version is taken before the content: a write in between is seen as a change next time.
      const version = await fileVersion(this.#options.file);
      if (version === this.#version) return;
      this.#version = version;
      const before = this.#users;
      this.#users = await load(this.#options);
      this.#options.onReload(this.#users, before);
    } catch (error) {
      this.#options.onProblem(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

async function load({ file, defaultTenant }: WatchedUsersOptions): Promise<UserList> {
  try {
    return parseUsersFile(file, await readFile(file, 'utf8'), defaultTenant);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    const problem = { where: file, key: '', what: 'does not exist', fix: 'Run "spoke user add NAME"' };
    throw new UsersFileError([problem]);
  }
}
