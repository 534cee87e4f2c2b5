import { MemorySessionIds } from '../../src/adapters/memory/memory-session-ids.ts';
import { sessionIdGeneratorContract } from './session-id-generator-contract.ts';

sessionIdGeneratorContract('memory', () => {
  const ids = new MemorySessionIds();
  return Promise.resolve({
    open: () => Promise.resolve(ids),
    durable: false,
    dispose: () => Promise.resolve(),
  });
});
