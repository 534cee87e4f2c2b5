/** Session events of log records, for whoever tells what is on the log. */
import type { LogEntry } from '../event-log/event-log.ts';
import { decodeSessionEvent } from '../event-log/session-event-codec.ts';
import { UndecodableRecordError } from '../event-log/undecodable-record-error.ts';
import type { SessionEvent } from '../session/events.ts';

/** undefined: this release cannot decode it. Left out as the broker leaves it out, which counts and logs it. */
export function decodedOrUndefined(entry: LogEntry): SessionEvent | undefined {
  try {
    return decodeSessionEvent(entry);
  } catch (error) {
    if (error instanceof UndecodableRecordError) return undefined;
    throw error;
  }
}
