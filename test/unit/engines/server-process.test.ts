import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePorts } from '../../../engines/free-ports.ts';
import { isRunning, terminate } from '../../../engines/process-life.ts';
import { ServerProcess } from '../../../engines/server-process.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

/** Says which process it is to everybody who connects. */
const SERVER = `
  require('node:net')
    .createServer((socket) => socket.end(String(process.pid)))
    .listen(Number(process.argv[1]), '127.0.0.1', () => console.log('listening'));
`;

interface Started {
  readonly server: ServerProcess;
  /** On the command line of the server only. */
  readonly mark: string;
}

async function started(script = SERVER): Promise<Started> {
  const directory = await temporaryDirectory();
  const [port = 0] = await freePorts(1);
  const server = new ServerProcess({
    role: 'test server',
    command: process.execPath,
    args: ['-e', script, String(port), directory],
    port,
    log: join(directory, 'server.log'),
  });
  await server.start();
  onTestFinished(async () => await server.kill());
  return { server, mark: directory };
}

async function answer({ port }: ServerProcess): Promise<string> {
  return await vi.waitFor(async () => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    return chunk.toString();
  }, 20_000);
}

test('starts again on the same port after it was killed', async () => {
  const { server } = await started();
  expect(await answer(server)).toBe(`${server.pid}`);
  const first = server.pid;
  await server.kill();
  expect(server.isRunning).toBe(false);
  await server.start();
  expect(server.pid).not.toBe(first);
  expect(await answer(server)).toBe(`${server.pid}`);
});

test('a paused process does not answer, and does when it goes on', async () => {
  const { server } = await started();
  await answer(server);
  server.pause();
  const socket = createConnection({ host: '127.0.0.1', port: server.port });
  await once(socket, 'connect');
  const data = once(socket, 'data') as Promise<[Buffer]>;
  const first = await Promise.race([data.then(() => 'data'), answeredByAnother()]);
  expect(first).toBe('another');
  server.resume();
  expect((await data)[0].toString()).toBe(`${server.pid}`);
});

/** A whole server starts and answers in the time that the paused one has. */
async function answeredByAnother(): Promise<'another'> {
  const { server } = await started();
  await answer(server);
  return 'another';
}

test('stops one that is paused', async () => {
  const { server } = await started();
  server.pause();
  await server.stop();
  expect(server.isRunning).toBe(false);
});

test('says with which exit code and last words a process ended', async () => {
  const { server } = await started(`console.error('no room on the device'); process.exit(3)`);
  await vi.waitFor(() => expect(server.isRunning).toBe(false), 20_000);
  expect(() => server.assertRunning()).toThrow(
    /test server ended with exit code 3.*\n.*no room on the device/,
  );
  expect(() => server.pause()).toThrow('test server is not running');
});

test('refuses to start twice, and cannot start what is not there', async () => {
  const { server } = await started();
  await expect(server.start()).rejects.toThrow('test server is running already');
  const missing = new ServerProcess({ ...server.plan, command: '/nonexistent/java' });
  await expect(missing.start()).rejects.toThrow('ENOENT');
  expect(missing.isRunning).toBe(false);
});

test('a process is known by its id and a mark, and ended by them', async () => {
  const { server, mark } = await started();
  await answer(server);
  const { pid } = server;
  expect(await isRunning(pid, mark)).toBe(true);
  await terminate(pid, 'the mark of another process');
  expect(await isRunning(pid, mark)).toBe(true);
  await terminate(pid, mark);
  expect(await isRunning(pid, mark)).toBe(false);
  expect(await readFile(server.plan.log, 'utf8')).toContain('listening');
});
