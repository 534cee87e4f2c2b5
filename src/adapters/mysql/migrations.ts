/**
 * The tables of users and rules, as steps that are taken once and in order; a released step never changes. Everything in them works
 * on MySQL 8 and MariaDB 10.6 and later.
 */

export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

/** Binary collations: `Bike` and `bike` are two users, as on the wire. */
const TENANT = 'VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL';
const NAME = 'VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL';

export const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS spoke_migrations (
  version INT NOT NULL PRIMARY KEY,
  applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB`;

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE IF NOT EXISTS spoke_users (
  tenant ${TENANT},
  name ${NAME},
  password VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'PHC string of scrypt or Argon2id; NULL: no password',
  certificate BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'a client certificate of this name will do',
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  PRIMARY KEY (tenant, name)
) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS spoke_rules (
  tenant ${TENANT},
  name ${NAME} COMMENT 'empty: of users of the tenant without rules of their own',
  position INT NOT NULL COMMENT 'the first that applies decides',
  rule VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (tenant, name, position)
) ENGINE=InnoDB`,
    ],
  },
];

export const SCHEMA_VERSION = Math.max(...MIGRATIONS.map(({ version }) => version));
