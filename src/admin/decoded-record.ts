/** Records as they are read by whoever tells what is on a log: one that this release cannot decode hides nothing behind it. */
import type { LogEntry } from '../event-log/event-log.ts';
import { UndecodableRecordError } from '../event-log/undecodable-record-error.ts';

/** undefined: it cannot be decoded, and is left out, as it is by the broker. */
export function decodedOrUndefined<T>(entry: LogEntry, decode: (entry: LogEntry) => T): T | undefined {
  try {
    return decode(entry);
  } catch (error) {
    if (error instanceof UndecodableRecordError) return undefined;
    throw error;
  }
}
