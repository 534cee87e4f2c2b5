/** Errors of a connection to Redis end nothing but the connection. A server of raw TLS, because no Redis fails on demand. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { expect, it } from 'vitest';
import { connectRedis } from '../../../src/adapters/redis/redis-connection.ts';
import { certificateAuthority, serverCertificate } from '../../support/certificates.ts';

/** Header of a record with application data, and what nobody can have encrypted. */
const BROKEN_RECORD = Buffer.concat([Buffer.from([23, 3, 3, 0, 32]), Buffer.alloc(32, 7)]);

it('a TLS connection with two errors, an alert and a reset behind it, ends and no more than that', async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): number => uncaught.push(error);
  process.on('uncaughtExceptionMonitor', note);
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const problems: Error[] = [];
  const redis = connectRedis(
    {
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      username: '',
      password: '',
      database: 0,
      tls: { ca: certificateAuthority },
      timeoutMs: 5_000,
    },
    {},
    (error) => problems.push(error),
  );
  try {
    const [socket] = await accepted;
    const encrypted = new TLSSocket(socket, { isServer: true, ...serverCertificate });
    // The client has found the record broken, and says so.
    encrypted.on('error', () => socket.resetAndDestroy());
    // What the client says first, when it takes the connection for made.
    await once(encrypted, 'data');
    const { stream } = redis;
    const errors: unknown[] = [];
    const emit = stream.emit.bind(stream);
    stream.emit = (event: string | symbol, ...args: unknown[]): boolean => {
      if (event === 'error') errors.push(args[0]);
      return emit(event, ...args);
    };
    const closed = new Promise((resolve) => stream.once('close', resolve));
    socket.write(BROKEN_RECORD);
    await closed;
    expect(errors, 'it is what this test is about').toHaveLength(2);
    expect(uncaught).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
  } finally {
    redis.disconnect();
    server.close();
    process.off('uncaughtExceptionMonitor', note);
  }
});
