import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Switchboard } from '../../../chaos/network/switchboard.ts';

/** A server that says everything again, and the connections it has. */
async function echo(): Promise<{ readonly port: number; readonly accepted: readonly Socket[] }> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket.on('error', () => undefined));
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, accepted };
}

async function switchboard(): Promise<Switchboard> {
  const opened = await Switchboard.open();
  onTestFinished(() => opened.close());
  return opened;
}

/** A connection through the switchboard to `port`. */
function dial({ port: through }: Switchboard, port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port: through });
  socket.on('error', () => undefined).setEncoding('utf8');
  socket.write(`${port}\n`);
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function say(socket: Socket, text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.write(text, () => {
      resolve();
    });
  });
}

/** However it comes to that. */
async function closing(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
}

/** The next chunk. */
async function hear(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [string];
  return chunk;
}

async function exchange(socket: Socket, text: string): Promise<string> {
  const heard = hear(socket);
  await say(socket, text);
  return await heard;
}

describe('a switchboard', () => {
  it('connects to where the first line says', async () => {
    const board = await switchboard();
    const { port } = await echo();
    const socket = dial(board, port);
    expect(await exchange(socket, 'one')).toBe('one');
    expect(await exchange(socket, 'two')).toBe('two');
  });

  it('cuts silently: nothing is lost, nobody is told, and all comes once it is mended', async () => {
    const board = await switchboard();
    const { port } = await echo();
    const standing = dial(board, port);
    await exchange(standing, 'before');
    board.cut([port], 'silent');
    const fresh = dial(board, port);
    let heard = '';
    for (const socket of [standing, fresh]) socket.on('data', (chunk) => (heard += String(chunk)));
    await say(standing, 'a');
    await say(fresh, 'b');
    // A line to elsewhere has passed meanwhile.
    const elsewhere = await echo();
    expect(await exchange(dial(board, elsewhere.port), 'c')).toBe('c');
    expect(heard).toBe('');
    const both = Promise.all([once(standing, 'data'), once(fresh, 'data')]);
    board.mend();
    await both;
    expect(['ab', 'ba']).toContain(heard);
    expect(await exchange(standing, 'after')).toBe('after');
  });

  it('tells an end that closed during a silent cut when it is mended', async () => {
    const board = await switchboard();
    const { port, accepted } = await echo();
    const socket = dial(board, port);
    await exchange(socket, 'before');
    board.cut([port], 'silent');
    const serverEnd = accepted[0]!;
    const closed = closing(serverEnd);
    serverEnd.resetAndDestroy();
    await closed;
    const elsewhere = await echo();
    await exchange(dial(board, elsewhere.port), 'c');
    expect(socket.destroyed).toBe(false);
    const told = closing(socket);
    board.mend();
    await told;
  });

  it('cuts with a reset, and lets nobody through until it is mended', async () => {
    const board = await switchboard();
    const { port } = await echo();
    const standing = dial(board, port);
    await exchange(standing, 'before');
    const reset = closing(standing);
    board.cut([port], 'reset');
    await reset;
    await closing(dial(board, port));
    board.mend();
    expect(await exchange(dial(board, port), 'after')).toBe('after');
  });

  it('passes it on when nobody listens there', async () => {
    const board = await switchboard();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    await closing(dial(board, port));
  });
});
