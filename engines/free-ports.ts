/**
 * Ports that nobody listens on, for servers that must be told theirs. A port is free at the moment it is chosen; nothing
 * reserves it.
 */
import { createServer } from 'node:net';

/** Below what Linux gives to outgoing connections, so that no client can take a port between choosing it and using it. */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;
const ATTEMPTS_MAX = 1_000;

/** `count` different free ports of 127.0.0.1. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt++) {
    if (attempt === ATTEMPTS_MAX)
      throw new Error(`No ${count} free ports between ${PORT_MIN} and ${PORT_MAX} on 127.0.0.1`);
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

export async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
