/** How the configuration says that MySQL is reached. */
import type { MySqlOptions } from '../adapters/mysql/mysql-pool.ts';
import type { MySqlConfig } from './mysql-schema.ts';
import { readTlsFiles } from './tls-files.ts';

/** Throws an `Error` that names the key and the file when one cannot be read. */
export function mySqlOptions(config: MySqlConfig): MySqlOptions {
  const { enabled, serverName } = config.tls;
  const tls = enabled ? { ...readTlsFiles('auth.mysql.tls', config.tls), serverName } : undefined;
  return { ...config, tls };
}
