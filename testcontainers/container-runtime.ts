/** Whether something that runs containers is there, without starting or asking it. */
import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';

/** What is missing for tests that need containers, in one line, or undefined. */
export function missingContainers(): string | undefined {
  const { DOCKER_HOST: host } = process.env;
  if (host !== undefined && !host.startsWith('unix://')) return undefined;
  const sockets =
    host === undefined ? ['/var/run/docker.sock', ...userSockets()] : [host.slice('unix://'.length)];
  if (sockets.some((socket) => existsSync(socket))) return undefined;
  return `no Docker or podman listens at ${sockets.join(' or ')}. Start one, or name another with DOCKER_HOST.`;
}

/** Where testcontainers looks when it is told nothing. */
function userSockets(): readonly string[] {
  const { XDG_RUNTIME_DIR: runtimeDirectory } = process.env;
  const home = homedir();
  return [
    ...(runtimeDirectory === undefined ? [] : [join(runtimeDirectory, 'docker.sock')]),
    join(home, '.docker', 'run', 'docker.sock'),
    join(home, '.docker', 'desktop', 'docker.sock'),
    join('/run', 'user', `${userInfo().uid}`, 'docker.sock'),
  ];
}
