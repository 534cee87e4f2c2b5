import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { describeDurableQueue } from './durable-queue-contract.ts';

describeDurableQueue('memory', () => ({
  survives: false,
  open: ({ defaultQuota, quotaOf }) => Promise.resolve(new MemoryDurableQueue(defaultQuota, quotaOf)),
}));
