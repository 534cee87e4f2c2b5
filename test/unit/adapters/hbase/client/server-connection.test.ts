import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newClientStats } from '../../../../../src/adapters/hbase/client/client-stats.ts';
import { ConnectionPool } from '../../../../../src/adapters/hbase/client/connection-pool.ts';
import { loadProtocol, type RpcMethod } from '../../../../../src/adapters/hbase/client/protocol.ts';
import { serverAddress } from '../../../../../src/adapters/hbase/client/server-address.ts';
import {
  type ConnectionOptions,
  ServerConnection,
} from '../../../../../src/adapters/hbase/client/server-connection.ts';
import { SystemTimers } from '../../../../../src/transport/system-time.ts';
import { answerTo, failureOf, FakeServer } from './fake-server.ts';

const ECHO: RpcMethod<string, string> = {
  service: 'ClientService',
  name: 'Echo',
  encode: (text) => Buffer.from(text),
  decode: (bytes) => bytes.toString(),
};
const LONG_MS = 60_000;
const SHORT_MS = 100;

let server: FakeServer;
let options: ConnectionOptions;
let opened: ServerConnection[];
const closed = vi.fn();

beforeEach(async () => {
  closed.mockReset();
  opened = [];
  server = await FakeServer.listen();
  options = {
    effectiveUser: 'tester',
    connectTimeoutMs: 5_000,
    pendingCallsMax: 100,
    pendingBytesMax: 100_000,
    protocol: await loadProtocol(),
    timers: new SystemTimers(),
    monotonicMs: () => performance.now(),
    stats: newClientStats(),
  };
});

afterEach(() => {
  for (const connection of opened) connection.close();
  server.close();
});

async function connect(): Promise<ServerConnection> {
  const connection = await ServerConnection.open(server.address, 'ClientService', options, closed);
  opened.push(connection);
  return connection;
}

/** In a thread of its own: resets what it has accepted while the test is held up. */
async function resettingServer(): Promise<{ readonly port: number; readonly close: () => Promise<unknown> }> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer((socket) => setTimeout(() => socket.resetAndDestroy(), ${SHORT_MS / 4}));
     server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
    { eval: true },
  );
  const [port] = (await once(worker, 'message')) as [number];
  return { port, close: () => worker.terminate() };
}

describe('ServerConnection', () => {
  it('matches answers to calls in whatever order they come', async () => {
    const connection = await connect();
    server.onCall(() => {
      if (server.calls.length < 3) return;
      for (const { callId, body, socket } of server.calls.toReversed()) socket.write(answerTo(callId, body));
    });
    const answers = ['one', 'two', 'three'].map((text) => connection.call(ECHO, text, LONG_MS));
    expect(await Promise.all(answers)).toEqual(['one', 'two', 'three']);
    expect(options.stats).toMatchObject({ calls: 3, callsPending: 0, connectionsOpen: 1 });
  });

  it('tells the server how long the call is worth anything', async () => {
    const connection = await connect();
    server.onCall(({ callId, body, socket }) => socket.write(answerTo(callId, body)));
    await connection.call(ECHO, '', 1_234.9);
    expect(server.calls[0]).toMatchObject({ method: 'Echo', timeout: 1_234 });
  });

  it('fails everything that waits when the server goes away, at once', async () => {
    const connection = await connect();
    server.onCall(({ socket }) => {
      if (server.calls.length === 2) socket.destroy();
    });
    const calls = [connection.call(ECHO, 'a', LONG_MS), connection.call(ECHO, 'b', LONG_MS)];
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST', server: server.address.name });
    }
    await expect(connection.call(ECHO, 'c', LONG_MS)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(connection.isOpen).toBe(false);
    expect(closed).toHaveBeenCalledOnce();
    expect(options.stats).toMatchObject({ connectionsLost: 1, connectionsOpen: 0, callsPending: 0 });
  });

  it('forgets a call that timed out, and ignores its late answer', async () => {
    const connection = await connect();
    const late: (() => void)[] = [];
    server.onCall(({ callId, body, socket }) => {
      if (body.toString() === 'slow') late.push(() => socket.write(answerTo(callId, body)));
      else socket.write(answerTo(callId, body));
    });
    const slow = connection.call(ECHO, 'slow', SHORT_MS);
    const timedOut = expect(slow).rejects.toMatchObject({ code: 'ATTEMPT_TIMEOUT' });
    // Something comes from the server: it is alive, only this call is not answered.
    expect(await connection.call(ECHO, 'quick', LONG_MS)).toBe('quick');
    await timedOut;
    for (const answer of late) answer();
    expect(await connection.call(ECHO, 'after', LONG_MS)).toBe('after');
    expect(options.stats).toMatchObject({ timeouts: 1, connectionsLost: 0, callsPending: 0 });
  });

  it('gives up a peer from which nothing came for the whole time of a call, with all that waits behind it', async () => {
    const connection = await connect();
    const behind = connection.call(ECHO, 'behind', LONG_MS);
    const lost = expect(behind).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await expect(connection.call(ECHO, 'first', SHORT_MS)).rejects.toMatchObject({ code: 'ATTEMPT_TIMEOUT' });
    await lost;
    expect(connection.isOpen).toBe(false);
  });

  it('refuses, without sending, more than its bounds', async () => {
    options = { ...options, pendingCallsMax: 2 };
    const connection = await connect();
    const waiting = [connection.call(ECHO, 'a', LONG_MS), connection.call(ECHO, 'b', LONG_MS)];
    await expect(connection.call(ECHO, 'c', LONG_MS)).rejects.toMatchObject({ code: 'OVERLOADED' });
    connection.close();
    for (const call of waiting) await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
    expect(options.stats.calls).toBe(2);
  });

  it('lets a request through that is larger than the bound of bytes, but only alone', async () => {
    const connection = await connect();
    const large = connection.call(ECHO, 'x'.repeat(200_000), LONG_MS);
    await expect(connection.call(ECHO, 'y', LONG_MS)).rejects.toMatchObject({ code: 'OVERLOADED' });
    await expect.poll(() => server.calls.length).toBe(1);
    connection.close();
    await expect(large).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('gives an exception to the call it answers, and goes on', async () => {
    const connection = await connect();
    server.onCall(({ callId, body, socket }) =>
      socket.write(
        body.toString() === 'bad' ? failureOf(callId, 'a.b.RegionTooBusyException') : answerTo(callId, body),
      ),
    );
    await expect(connection.call(ECHO, 'bad', LONG_MS)).rejects.toMatchObject({
      code: 'SERVER_BUSY',
      exceptionClass: 'a.b.RegionTooBusyException',
      serverMessage: 'told to',
    });
    expect(await connection.call(ECHO, 'good', LONG_MS)).toBe('good');
  });

  it('ends when the server refuses the connection as a whole', async () => {
    const connection = await connect();
    const CONNECTION_ITSELF = 0xffff_ffff;
    server.onCall(({ socket }) => socket.write(failureOf(CONNECTION_ITSELF, 'a.AccessDeniedException')));
    const call = connection.call(ECHO, 'x', LONG_MS);
    await expect(call).rejects.toMatchObject({ exceptionClass: 'a.AccessDeniedException' });
    expect(connection.isOpen).toBe(false);
  });

  it('ends when the stream cannot be read', async () => {
    const connection = await connect();
    server.onCall(({ socket }) => socket.write(Buffer.from([0, 0, 0, 3, 9, 9, 9])));
    await expect(connection.call(ECHO, 'x', LONG_MS)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });
});

describe('ConnectionPool', () => {
  it('opens one connection for many that ask at once, and a new one after it was lost', async () => {
    const pool = new ConnectionPool(options, Math.random);
    const [first, second] = await Promise.all([
      pool.get(server.address, 'ClientService'),
      pool.get(server.address, 'ClientService'),
    ]);
    expect(second).toBe(first);
    expect(pool.ready(server.address, 'ClientService')).toBe(first);
    await expect.poll(() => server.sockets.size).toBe(1);
    for (const socket of server.sockets) socket.destroy();
    await expect.poll(() => pool.ready(server.address, 'ClientService')).toBeUndefined();
    expect(await pool.get(server.address, 'ClientService')).not.toBe(first);
    pool.close();
    await expect(pool.get(server.address, 'ClientService')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('takes a connection that breaks before anybody could use it for a failed connect', async () => {
    const { port, close } = await resettingServer();
    const { connectionHeader } = options.protocol;
    const held = new Int32Array(new SharedArrayBuffer(4));
    const encode: typeof connectionHeader.encode = (header) => {
      // Meanwhile the server has reset it, so that the first write already meets the end.
      Atomics.wait(held, 0, 0, SHORT_MS);
      return connectionHeader.encode(header);
    };
    const protocol = { ...options.protocol, connectionHeader: { ...connectionHeader, encode } };
    const pool = new ConnectionPool({ ...options, protocol }, Math.random);
    const address = serverAddress('127.0.0.1', port);
    await expect(pool.get(address, 'ClientService')).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    expect(pool.ready(address, 'ClientService')).toBeUndefined();
    expect(options.stats.connectionsOpen).toBe(0);
    pool.close();
    await close();
  });

  it('rests after a failed connect, and tells the same failure meanwhile', async () => {
    let nowMs = 0;
    server.close();
    const pool = new ConnectionPool({ ...options, monotonicMs: () => nowMs }, () => 1);
    const gone = serverAddress('127.0.0.1', server.address.port);
    await expect(pool.get(gone, 'ClientService')).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    await expect(pool.get(gone, 'ClientService')).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    expect(options.stats.connectFailures).toBe(1);
    nowMs = 101;
    await expect(pool.get(gone, 'ClientService')).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    expect(options.stats.connectFailures).toBe(2);
    pool.close();
  });
});
