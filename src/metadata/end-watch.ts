/**
 * How the metadata service hears that there is more to fold. In a broker the log is followed anyway, and the news come with it. A
 * process that folds and does nothing else asks where the log ends, now and then: so it reads each record of its share once, and
 * none of the others.
 */
import type { EventLog, Offset } from '../event-log/event-log.ts';
import type { Timers } from '../time/clock.ts';

/** Takes the offset behind the last record known, of some or all partitions. */
export type EndListener = (ends: Iterable<readonly [partition: number, end: Offset]>) => void;

export interface EndWatch {
  /** Resolves when the listener will not be called again. */
  stop(): Promise<void>;
}

/** Begins at `ends`. Rejects if the log does. */
export async function followEnds(
  log: EventLog,
  ends: readonly Offset[],
  listener: EndListener,
): Promise<EndWatch> {
  return await log.follow(ends, (entries) => {
    listener(entries.map(({ partition, offset }) => [partition, (offset + 1) as Offset]));
  });
}

export interface PollOptions {
  readonly timers: Timers;
  readonly everyMs: number;
  /** Asking failed; it is asked again all the same. */
  readonly onFailure: (error: unknown) => void;
}

export function pollEnds(log: EventLog, options: PollOptions, listener: EndListener): EndWatch {
  const { timers, everyMs, onFailure } = options;
  let stopped = false;
  const isStopped = (): boolean => stopped;
  let asking = Promise.resolve();
  const ask = async (): Promise<void> => {
    try {
      const ends = await log.endOffsets();
      if (!isStopped()) listener(ends.entries());
    } catch (error) {
      if (!isStopped()) onFailure(error);
    }
    if (!isStopped()) timer = again();
  };
  const again = () =>
    timers.after(everyMs, () => {
      asking = ask();
    });
  let timer = again();
  return {
    stop: async () => {
      stopped = true;
      timer.cancel();
      await asking;
    },
  };
}
