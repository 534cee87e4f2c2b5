/** An event log whose followers are handed records some turns after they were appended, in order: as those of another process are. */
import type { EventLog, LogEntry, LogFollower } from '../../src/event-log/event-log.ts';

/** `turns`: how many, before each handing over. */
export function lagging(log: EventLog, turns: () => number): EventLog {
  return {
    partitionCount: log.partitionCount,
    partitionOf: (key) => log.partitionOf(key),
    append: (records) => log.append(records),
    startOffsets: () => log.startOffsets(),
    endOffsets: () => log.endOffsets(),
    offsetsAt: (timestampMs) => log.offsetsAt(timestampMs),
    read: (partition, from, recordsMax) => log.read(partition, from, recordsMax),
    follow: (from, handler) => followLate(log, from, handler, turns),
    close: () => log.close(),
  };
}

async function followLate(
  log: EventLog,
  from: Parameters<EventLog['follow']>[0],
  handler: (entries: readonly LogEntry[]) => void,
  turns: () => number,
): Promise<LogFollower> {
  let handed = Promise.resolve();
  const follower = await log.follow(from, (entries) => {
    handed = handed.then(async () => {
      for (let left = turns(); left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
      handler(entries);
    });
  });
  await handed;
  return {
    stop: async () => {
      await follower.stop();
      await handed;
    },
  };
}
