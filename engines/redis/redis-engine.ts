/** A real Redis on this machine, in memory: what is in it ends with it, unless it is to keep what it has confirmed. */
import { spawnSync } from 'node:child_process';
import { EngineError } from '../engine.ts';
import { firstAnswer } from '../first-answer.ts';
import { installedCommand, missing } from '../installed-command.ts';
import { SingleServer } from '../single-server.ts';
import type { SingleServerKind, SingleServerOptions } from '../single-server.ts';

/** Earlier ones write over their own command line, by which a process that was left running is known. */
const VERSION_MIN = '6.2';

export interface RedisServerOptions extends SingleServerOptions {
  /** What it has confirmed is there after a kill. */
  readonly keepsEverything?: boolean;
}

/** Starts it and waits until it is ready. */
export async function startRedis(options: RedisServerOptions = {}): Promise<SingleServer> {
  return await SingleServer.start(redisKind(options.keepsEverything === true), options);
}

/** One real call: PING. */
export async function callRedis(port: number): Promise<void> {
  const answer = await firstAnswer(port, 'PING\r\n', (received) =>
    received.includes('\r\n') ? received : undefined,
  );
  if (!answer.toString().startsWith('+PONG')) throw new Error(`Redis answered "${answer.toString().trim()}"`);
}

/** What is missing, in one line, or undefined. */
export function missingRedis(): string | undefined {
  return missing(redisCommand);
}

function redisKind(keepsEverything: boolean): SingleServerKind {
  const command = redisCommand();
  return {
    engine: 'redis',
    title: 'Redis',
    form: keepsEverything ? 'with an append-only file' : 'in memory',
    prepare: (dataDirectory, port) =>
      Promise.resolve({
        command,
        args: [
          ...['--bind', '127.0.0.1', '--port', `${port}`, '--dir', dataDirectory],
          ...['--save', '', '--set-proc-title', 'no'],
          ...(keepsEverything ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']),
        ],
      }),
    call: callRedis,
  };
}

/** The command that runs Redis. Throws an `EngineError` when there is none, or one too old. */
function redisCommand(): string {
  const command = installedCommand('redis-server');
  if (command === undefined)
    throw new EngineError(
      'Redis is needed, and "redis-server" is not on the path. On Debian or Ubuntu: apt-get install redis-server',
    );
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  const [, version = ''] = /v=(\d+\.\d+)/.exec(stdout) ?? [];
  if (version.localeCompare(VERSION_MIN, undefined, { numeric: true }) < 0)
    throw new EngineError(`Redis ${VERSION_MIN} or later is needed, and "${command}" is ${version}.`);
  return command;
}
