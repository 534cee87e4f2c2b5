/** `npm run engines -- mysql start`: its options, and what it leaves running. */
import type { Command } from 'commander';
import type { EngineCommand } from '../engine.ts';
import { whole } from '../whole-number.ts';
import { startMySql } from './mysql-engine.ts';

/** MySQL's own. */
const PORT = 3306;
const PORT_MAX = 65_535;

interface MySqlStartOptions {
  readonly port: number;
}

export const mySqlCommand: EngineCommand = {
  name: 'mysql',
  summary: 'MariaDB, or MySQL where that is installed; user root, no password',
  addOptions: (start: Command) =>
    start.option('--port <port>', 'where clients find it', whole(1, PORT_MAX), PORT),
  startDetached: async (dataDirectory, options, progress) => {
    const { port } = options as unknown as MySqlStartOptions;
    return (await startMySql({ port, dataDirectory, progress })).record;
  },
};
