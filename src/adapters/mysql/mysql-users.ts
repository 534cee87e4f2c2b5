/**
 * Users and their rules in MySQL or MariaDB. A user that several ask for is looked up once, and those that are asked for in one turn, or while
 * statements are under way, are looked up together: a fleet that comes back costs one statement for up to a hundred.
 */
import type { PasswordUpgrade } from '../../auth/password-upgrades.ts';
import { formatPasswordHash } from '../../auth/password-hash.ts';
import type { UserSource } from '../../auth/user-source.ts';
import { userText, type User } from '../../auth/user-list.ts';
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';
import type { TenantId, TenantUser } from '../../tenancy/identity.ts';
import type { MySqlPool, Row } from './mysql-pool.ts';
import { USER_COLUMNS, USER_ORDER, userOf } from './user-row.ts';

export interface MySqlUsersOptions {
  readonly pool: MySqlPool;
  /** Statements at a time. */
  readonly statementsMax: number;
  /** Users waiting to be looked up. */
  readonly waitingMax: number;
  /** A row that cannot be understood. */
  readonly onProblem: (user: TenantUser, problem: string) => void;
}

/** Users of one statement. */
const BATCH_MAX = 100;

interface LookUp {
  readonly user: TenantUser;
  readonly answer: Promise<User | undefined>;
  readonly resolve: (user: User | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class MySqlUsers implements UserSource {
  lookUps = 0;
  readonly #options: MySqlUsersOptions;
  readonly #waiting = new Map<string, LookUp>();
  #underWay = 0;
  #isGathering = false;

  constructor(options: MySqlUsersOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** undefined: no such user. Rejects with `StoreUnavailableError`. */
  find(user: TenantUser): Promise<User | undefined> {
    this.lookUps++;
    const key = userText(user);
    const asked = this.#waiting.get(key);
    if (asked !== undefined) return asked.answer;
    const { pool, waitingMax } = this.#options;
    if (this.#waiting.size >= waitingMax)
      return Promise.reject(new StoreUnavailableError(pool.place, 'too many wait for it: try again later'));
    const lookUp = newLookUp(user);
    this.#waiting.set(key, lookUp);
    this.#gather();
    return lookUp.answer;
  }

  /** Resolves to how many were written: users whose password is another one by now are left alone. */
  async upgradePasswords(upgrades: readonly PasswordUpgrade[]): Promise<number> {
    const { pool } = this.#options;
    let written = 0;
    for (const { user, from, to } of upgrades) {
      const { tenant, clientName } = user;
      const values = [formatPasswordHash(to), tenant, clientName, formatPasswordHash(from)];
      const sql = 'UPDATE spoke_users SET password = ? WHERE tenant = ? AND name = ? AND password = ?';
      written += await pool.execute(sql, values);
    }
    return written;
  }

  /** Removes users of the tenant and their rules, and returns who they were; none: it has none any more. */
  async removeSome(tenant: TenantId): Promise<readonly TenantUser[]> {
    const { pool } = this.#options;
    const rows = await pool.query('SELECT name FROM spoke_users WHERE tenant = ? LIMIT ?', [
      tenant,
      BATCH_MAX,
    ]);
    const names = rows.map((row) => String(row['name']));
    if (names.length === 0) {
      await pool.execute('DELETE FROM spoke_rules WHERE tenant = ?', [tenant]);
      return [];
    }
    const places = names.map(() => '?').join(', ');
    await pool.execute(`DELETE FROM spoke_users WHERE tenant = ? AND name IN (${places})`, [
      tenant,
      ...names,
    ]);
    return names.map((clientName) => ({ tenant, clientName }));
  }

  /** Logins are read many at a time: those of one turn share a statement. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    setImmediate(() => {
      this.#isGathering = false;
      this.#next();
    });
  }

  #next(): void {
    while (this.#underWay < this.#options.statementsMax && this.#waiting.size > 0) {
      const batch = [...this.#waiting.values()].slice(0, BATCH_MAX);
      for (const { user } of batch) this.#waiting.delete(userText(user));
      this.#underWay++;
      void this.#lookUp(batch).finally(() => {
        this.#underWay--;
        this.#next();
      });
    }
  }

  async #lookUp(batch: readonly LookUp[]): Promise<void> {
    const { pool, onProblem } = this.#options;
    try {
      const places = batch.map(() => '(?, ?)').join(', ');
      const values = batch.flatMap(({ user }) => [user.tenant, user.clientName]);
      const sql = `SELECT ${USER_COLUMNS} WHERE (u.tenant, u.name) IN (${places}) ${USER_ORDER}`;
      const found = byUser(await pool.query(sql, values));
      for (const { user, resolve } of batch) {
        const rows = found.get(userText(user)) ?? [];
        resolve(
          userOf(user, rows, (problem) => {
            onProblem(user, problem);
          }),
        );
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** By the names as they are stored: the comparison of the database lets a space at the end pass. */
function byUser(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const users = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${String(row['tenant'])}/${String(row['name'])}`;
    const known = users.get(key);
    if (known === undefined) users.set(key, [row]);
    else known.push(row);
  }
  return users;
}

function newLookUp(user: TenantUser): LookUp {
  let resolve: LookUp['resolve'] = () => undefined;
  let reject: LookUp['reject'] = () => undefined;
  const answer = new Promise<User | undefined>((fulfil, fail) => {
    resolve = fulfil;
    reject = fail;
  });
  return { user, answer, resolve, reject };
}
