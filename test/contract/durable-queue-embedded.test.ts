import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { openEmbeddedQueueStore } from '../../src/adapters/embedded/queue/embedded-queue-store.ts';
import { PowerCutFileSystem } from '../support/power-cut-file-system.ts';
import { describeDurableQueue } from './durable-queue-contract.ts';

/** Everything small, so that a short history sees segments close, checkpoints, rewriting and spilling. */
const TINY = {
  segmentBytes: 16 * 1024,
  checkpointBytes: 24 * 1024,
  cacheBytes: 128 * 1024,
  indexBytesMax: 4096,
};

describeDurableQueue('embedded, on a disk that loses power', (random) => {
  let disk = new PowerCutFileSystem(random);
  return {
    survives: true,
    open: (options) =>
      openEmbeddedQueueStore({
        directory: '/queues',
        durability: 'fsync',
        fileSystem: disk,
        ...TINY,
        ...options,
      }),
    kill: () => {
      disk = disk.kill();
    },
    cutPower: () => {
      disk = disk.cut();
    },
  };
});

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

describeDurableQueue('embedded, on real files', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'spoke-queues-'));
  directories.push(directory);
  return {
    survives: false,
    open: (options) => openEmbeddedQueueStore({ directory, durability: 'os', ...TINY, ...options }),
  };
});
