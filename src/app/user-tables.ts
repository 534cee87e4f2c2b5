/** The tables of users in MySQL or MariaDB, for the commands that make and check them. */
import { MySqlPool } from '../adapters/mysql/mysql-pool.ts';
import { applyUserTables, checkUserTables } from '../adapters/mysql/user-tables.ts';
import { mySqlOptions } from './mysql-options.ts';
import type { MySqlConfig } from './mysql-schema.ts';

export interface UserTables {
  /** For people. */
  readonly name: string;
  /** One line per thing that is not as it should be. */
  check(): Promise<readonly string[]>;
  /** As `check`, after everything was made or changed that can be. */
  apply(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export function openUserTables(config: MySqlConfig): UserTables {
  const pool = new MySqlPool(mySqlOptions(config));
  return {
    name: `of users in ${pool.place}`,
    check: () => checkUserTables(pool),
    apply: async () => {
      await applyUserTables(pool);
      return checkUserTables(pool);
    },
    close: () => pool.close(),
  };
}
