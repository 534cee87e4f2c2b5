/** `npm run engines -- mysql start`: its options, and what it leaves running. */
import { portCommand } from '../port-command.ts';
import { startMySql } from './mysql-engine.ts';

export const mySqlCommand = portCommand({
  name: 'mysql',
  summary: 'MariaDB, or MySQL where that is installed; user root, no password',
  port: 3306,
  start: startMySql,
});
