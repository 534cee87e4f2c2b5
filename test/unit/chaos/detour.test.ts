import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';

/** What arrives where the switchboard should be, by connection. */
const arrived: string[] = [];
let arrival: () => void = () => undefined;

beforeAll(async () => {
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('end', () => {
      arrived.push(text);
      arrival();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  process.env['CHAOS_SWITCHBOARD'] = `${port}`;
  await import('../../../chaos/network/detour.ts');
  return () => server.close();
});

/** What the switchboard gets of a connection that says hello. */
async function whereTo(open: () => Socket): Promise<string | undefined> {
  const next = new Promise<void>((resolve) => (arrival = resolve));
  open().end('hello');
  await next;
  return arrived.at(-1);
}

describe('the detour', () => {
  it.each([
    ['port and host', () => connect(1234, '127.0.0.1')],
    ['options', () => connect({ port: 1234, host: 'localhost' })],
    ['options without host', () => connect({ port: 1234 })],
    ['a socket that connects later', () => new Socket().connect({ port: 1234, host: '127.0.0.1' })],
    ['a socket and a listener', () => new Socket().connect(1234, '127.0.0.1', () => undefined)],
  ])('leads through the switchboard, with where to in front: %s', async (_form, open) => {
    expect(await whereTo(open)).toBe('1234\nhello');
  });

  it('tells the listener that it is connected', async () => {
    const connected = new Promise<void>((resolve) => {
      const socket = connect({ port: 1234, host: '127.0.0.1' }, () => {
        socket.end();
        resolve();
      });
    });
    await connected;
  });

  it('leaves other addresses alone', async () => {
    const count = arrived.length;
    const socket = connect({ port: 9, host: '127.0.0.2' });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    expect(arrived).toHaveLength(count);
  });
});
