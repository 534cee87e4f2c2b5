/** A real MariaDB or MySQL on this machine, whichever is installed: user root without a password, from this machine only. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../engine.ts';
import { installedCommand, missing } from '../installed-command.ts';
import { SingleServer } from '../single-server.ts';
import type { SingleServerKind, SingleServerOptions } from '../single-server.ts';
import { serverVersion } from './mysql-greeting.ts';

interface Installation {
  readonly form: 'MariaDB' | 'MySQL';
  readonly server: string;
  /** Makes an empty data directory. */
  readonly initialize: { readonly command: string; readonly args: readonly string[] };
  /** Of the server, beyond what both take. */
  readonly args: readonly string[];
}

/** Starts it and waits until it is ready. */
export async function startMySql(options: SingleServerOptions = {}): Promise<SingleServer> {
  return await SingleServer.start(mySqlKind(installation()), options);
}

/** One real call: it greets whoever connects. */
export async function callMySql(port: number): Promise<void> {
  await serverVersion(port);
}

/** What is missing, in one line, or undefined. */
export function missingMySql(): string | undefined {
  return missing(installation);
}

function mySqlKind({ form, server, initialize, args }: Installation): SingleServerKind {
  return {
    engine: 'mysql',
    title: form,
    form,
    prepare: async (dataDirectory, port) => {
      const data = join(dataDirectory, 'data');
      if (!existsSync(data)) await initializeData(initialize, data);
      return {
        command: server,
        args: [
          '--no-defaults',
          `--datadir=${data}`,
          '--bind-address=127.0.0.1',
          `--port=${port}`,
          // Relative to the data: the whole path may be longer than a socket's can be.
          '--socket=mysql.sock',
          `--pid-file=${join(data, 'mysql.pid')}`,
          ...args,
          ...asRoot(),
        ],
      };
    },
    call: callMySql,
  };
}

/** The directory appears only when it is complete. */
async function initializeData({ command, args }: Installation['initialize'], data: string): Promise<void> {
  const partial = `${data}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const child = spawn(command, ['--no-defaults', ...args, `--datadir=${partial}`, ...asRoot()], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer) => (output += chunk.toString());
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new EngineError(`"${command}" could not make ${data}:\n${output.trim()}`);
  await rename(partial, data);
}

/** Both refuse to run as root unless told to. */
function asRoot(): readonly string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}

/** What is installed. Throws an `EngineError` when neither is. */
function installation(): Installation {
  const mariadb = installedCommand('mariadbd');
  const installer = installedCommand('mariadb-install-db');
  if (mariadb !== undefined && installer !== undefined)
    return {
      form: 'MariaDB',
      server: mariadb,
      initialize: {
        command: installer,
        args: ['--auth-root-authentication-method=normal', '--skip-test-db'],
      },
      args: [],
    };
  const mysql = installedCommand('mysqld');
  if (mysql !== undefined)
    return {
      form: 'MySQL',
      server: mysql,
      initialize: { command: mysql, args: ['--initialize-insecure'] },
      args: ['--mysqlx=OFF'],
    };
  throw new EngineError(
    'MariaDB or MySQL is needed, and neither "mariadbd" nor "mysqld" is on the path. ' +
      'On Debian or Ubuntu: apt-get install mariadb-server',
  );
}
