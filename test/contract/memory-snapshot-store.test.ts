import { MemorySnapshotStore } from '../../src/adapters/memory/memory-snapshot-store.ts';
import { snapshotStoreContract } from './snapshot-store-contract.ts';

snapshotStoreContract('memory', () => {
  const store = new MemorySnapshotStore();
  return Promise.resolve({
    open: () => Promise.resolve(store),
    durable: false,
    dispose: () => Promise.resolve(),
  });
});
