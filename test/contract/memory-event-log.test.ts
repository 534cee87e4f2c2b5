import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import { eventLogContract } from './event-log-contract.ts';

for (const partitions of [1, 8]) {
  eventLogContract(`memory, ${partitions} partitions`, () => {
    const log = new MemoryEventLog(partitions);
    return Promise.resolve({
      open: () => Promise.resolve(log),
      compact: () => {
        log.compact();
        return Promise.resolve();
      },
      durable: false,
      crash: undefined,
      dispose: () => Promise.resolve(),
    });
  });
}
