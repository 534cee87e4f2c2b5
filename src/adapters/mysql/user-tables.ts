/** Makes the tables of users and rules in MySQL or MariaDB, and says whether they are as this release wants them. */
import { MIGRATIONS, MIGRATIONS_TABLE, SCHEMA_VERSION } from './migrations.ts';
import type { MySqlPool } from './mysql-pool.ts';

const LOCK = 'spoke_migrations';
/** Somebody else may be at it. */
const LOCK_S = 30;

/** Takes every step that is missing; two at a time wait for each other. Rejects with `StoreUnavailableError`. */
export async function applyUserTables(pool: MySqlPool): Promise<void> {
  await pool.onOneConnection(async (connection) => {
    const [locked] = await connection.query(`SELECT GET_LOCK('${LOCK}', ${LOCK_S}) AS locked`);
    if (!isGranted(locked)) throw new Error('somebody else has been changing its tables for long');
    try {
      await connection.query(MIGRATIONS_TABLE);
      const [rows] = await connection.query('SELECT version FROM spoke_migrations');
      const applied = new Set((rows as { version: number }[]).map(({ version }) => version));
      for (const { version, statements } of MIGRATIONS) {
        if (applied.has(version)) continue;
        // Each statement may be made again: these databases do not take back tables.
        for (const statement of statements) await connection.query(statement);
        await connection.query('INSERT INTO spoke_migrations (version) VALUES (?)', [version]);
      }
    } finally {
      await connection.query(`DO RELEASE_LOCK('${LOCK}')`);
    }
  });
}

/** One line per thing that is not as it should be. Rejects with `StoreUnavailableError`. */
export async function checkUserTables(pool: MySqlPool): Promise<readonly string[]> {
  const tables = await pool.query("SHOW TABLES LIKE 'spoke\\_migrations'");
  if (tables.length === 0) return [`${pool.place} has no tables of users`];
  const [row] = await pool.query('SELECT MAX(version) AS version FROM spoke_migrations');
  const version = Number(row?.['version'] ?? 0);
  if (version === SCHEMA_VERSION) return [];
  const problem = version < SCHEMA_VERSION ? 'tables of an earlier release' : 'tables of a later release';
  return [`${pool.place} has ${problem} (version ${version}, wanted is ${SCHEMA_VERSION})`];
}

function isGranted(rows: unknown): boolean {
  return Array.isArray(rows) && (rows as { locked: number | null }[])[0]?.locked === 1;
}
