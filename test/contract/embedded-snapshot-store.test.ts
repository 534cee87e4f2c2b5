import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { nodeFileSystem } from '../../src/adapters/embedded/file-system.ts';
import { openEmbeddedSnapshotStore } from '../../src/adapters/embedded/snapshot/embedded-snapshot-store.ts';
import { snapshotStoreContract } from './snapshot-store-contract.ts';

snapshotStoreContract('embedded', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'spoke-snapshot-'));
  return {
    open: () => openEmbeddedSnapshotStore({ directory, fileSystem: nodeFileSystem }),
    durable: true,
    dispose: () => rm(directory, { recursive: true }),
  };
});
