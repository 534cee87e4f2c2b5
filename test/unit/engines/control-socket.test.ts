/** What the command asks of the process that holds a cluster: it is told how it goes, and how it ended. */
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import {
  askControl,
  serveControl,
  type ControlRequest,
  type MemberReport,
} from '../../../engines/cluster/control-socket.ts';
import { EngineError } from '../../../engines/engine.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const MEMBER: MemberReport = {
  name: 'broker-1',
  kind: 'broker',
  state: 'running',
  ports: { mqtt: 1884 },
  log: '/broker.log',
  startedAt: '2026-01-01T00:00:00.000Z',
  starts: 1,
  ready: true,
};

async function served(handle: Parameters<typeof serveControl>[1]): Promise<string> {
  const directory = await temporaryDirectory();
  const server = await serveControl(directory, handle);
  onTestFinished(async () => {
    server.close();
    await once(server, 'close');
  });
  return directory;
}

test('a request is done, with its progress and its answer', async () => {
  const asked: ControlRequest[] = [];
  const directory = await served((request, progress) => {
    asked.push(request);
    progress('waiting');
    return Promise.resolve([MEMBER]);
  });
  const told: string[] = [];
  const request = { command: 'restart', name: 'broker-1' } as const;
  expect(await askControl(directory, request, (text) => told.push(text))).toEqual([MEMBER]);
  expect(asked).toEqual([request]);
  expect(told).toEqual(['waiting']);
});

test('what could not be done comes back as the error that it was', async () => {
  const directory = await served(() => Promise.reject(new EngineError('There is no broker-9.')));
  await expect(askControl(directory, { command: 'status' })).rejects.toThrow('There is no broker-9.');
});

test('one directory has one holder, and a socket that nobody serves is in nobody’s way', async () => {
  const directory = await served(() => Promise.resolve([]));
  await expect(serveControl(directory, () => Promise.resolve([]))).rejects.toThrow('runs in');
  expect(await askControl(await temporaryDirectory(), { command: 'status' })).toBeUndefined();
});
