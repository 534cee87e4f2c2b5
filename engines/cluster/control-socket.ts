/**
 * How the command talks to the process that holds a cluster: a socket in the cluster's directory, one request per connection,
 * answered with lines of JSON of which the last says how it ended. Only the user who started the cluster can open it.
 */
import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { EngineError } from '../engine.ts';
import type { Progress } from '../engine.ts';
import { commandFor, socketPath } from './cluster-directory.ts';
import type { ClusterMember } from './cluster-member.ts';

export type ControlRequest =
  | { readonly command: 'status' | 'stop' }
  | { readonly command: 'kill'; readonly name: string; readonly signal: KillSignal; readonly hold: boolean }
  | { readonly command: 'restart'; readonly name: string };

export type KillSignal = 'SIGKILL' | 'SIGTERM';

/** As it goes over the socket. */
export interface MemberReport extends Omit<ClusterMember, 'startedAt' | 'pid' | 'adminUrl'> {
  readonly pid?: number;
  readonly adminUrl?: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** It answered a real call just now. */
  readonly ready: boolean;
}

export type ControlAnswer =
  | { readonly type: 'progress'; readonly text: string }
  /** It ended well, and this is how things are. */
  | { readonly type: 'done'; readonly members: readonly MemberReport[] }
  | { readonly type: 'failed'; readonly message: string };

const SOCKET = 'control.sock';
const OWNER_ONLY = 0o600;

/**
 * Answers requests until it is closed. `handle` rejects with an `EngineError` when something cannot be done. Rejects with one when
 * somebody else holds a cluster there.
 */
export async function serveControl(
  directory: string,
  handle: (request: ControlRequest, progress: Progress) => Promise<readonly MemberReport[]>,
): Promise<Server> {
  const path = socketPath(directory, SOCKET);
  const other = await connected(path);
  if (other !== undefined) {
    other.destroy();
    throw new EngineError(
      `A cluster runs in ${directory} already, or is being started. See it with "${commandFor(directory, 'status')}", ` +
        `or stop it: ${commandFor(directory, 'stop')}`,
    );
  }
  // Of a process that was killed.
  await rm(path, { force: true });
  const server = createServer((socket) => {
    // Whoever asked may have gone; what was asked for is done all the same.
    socket.on('error', () => undefined);
    createInterface({ input: socket }).once('line', (line) => {
      void answer(socket, JSON.parse(line) as ControlRequest, handle);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, OWNER_ONLY);
  return server;
}

async function answer(
  socket: Socket,
  request: ControlRequest,
  handle: Parameters<typeof serveControl>[1],
): Promise<void> {
  const send = (line: ControlAnswer) => socket.write(`${JSON.stringify(line)}\n`);
  try {
    const members = await handle(request, (text) => send({ type: 'progress', text }));
    send({ type: 'done', members });
  } catch (error) {
    send({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
  socket.end();
}

/** Undefined when nobody holds a cluster there. Rejects with an `EngineError` when it could not do what was asked. */
export async function askControl(
  directory: string,
  request: ControlRequest,
  progress: Progress = () => undefined,
): Promise<readonly MemberReport[] | undefined> {
  const socket = await connected(socketPath(directory, SOCKET));
  if (socket === undefined) return undefined;
  // Cut off by its end: the loop below ends as well.
  socket.on('error', () => undefined);
  socket.write(`${JSON.stringify(request)}\n`);
  for await (const line of createInterface({ input: socket })) {
    const told = JSON.parse(line) as ControlAnswer;
    if (told.type === 'failed') throw new EngineError(told.message);
    if (told.type === 'done') return told.members;
    progress(told.text);
  }
  throw new EngineError('The process that holds the cluster ended before it had answered.');
}

async function connected(path: string): Promise<Socket | undefined> {
  return await new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
