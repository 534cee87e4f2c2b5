/**
 * Stores as one broker process meets them: calls take time, fail with unknown outcome, and after a crash of the
 * process neither happen nor answer. What is durable stands in the shared stores behind them.
 */
import { StoreUnavailableError } from '../../src/errors/store-unavailable-error.ts';
import type { EventLog, LogEntry, LogFollower, LogRecord, Offset } from '../../src/event-log/event-log.ts';
import type { SnapshotStore } from '../../src/metadata/snapshot-store.ts';
import type {
  AppendEntry,
  AppendLanes,
  AppendResult,
  DurableQueueStore,
  QueueKey,
  Seq,
} from '../../src/queue/durable-queue.ts';
import type { Clock, TimerHandle, Timers } from '../../src/time/clock.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** How likely a write fails, and how long calls take. */
export interface StoreWeather {
  readonly random: () => number;
  /** Of writes that fail, half have been applied. */
  failureRate: number;
  readonly latencyMaxMs: number;
}

/** The life of one broker process: what it set going stops with it. */
export class ProcessLife implements Clock, Timers {
  readonly #time: SimulatedTime;
  alive = true;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  nowMs(): number {
    return this.#time.nowMs();
  }

  after(delayMs: number, action: () => void): TimerHandle {
    return this.#time.after(delayMs, this.whileAlive(action));
  }

  endOfTurn(action: () => void): void {
    this.#time.endOfTurn(this.whileAlive(action));
  }

  whileAlive(action: () => void): () => void {
    return () => {
      if (this.alive) action();
    };
  }

  /** Passes a value on to the process, or nothing ever when it is dead by then. */
  async reaches<T>(outcome: Promise<T>): Promise<T> {
    try {
      return await outcome;
    } finally {
      if (!this.alive) await new Promise(() => undefined);
    }
  }
}

class Weathered {
  readonly #life: ProcessLife;
  readonly #weather: StoreWeather;
  /** Writes reach the store in the order they were made. */
  #lastWriteAtMs = 0;

  constructor(life: ProcessLife, weather: StoreWeather) {
    this.#life = life;
    this.#weather = weather;
  }

  read<T>(call: () => Promise<T>): Promise<T> {
    return this.#life.reaches(this.#later(this.#life.nowMs() + this.#latencyMs(), call));
  }

  write<T>(name: string, call: () => Promise<T>): Promise<T> {
    const atMs = Math.max(this.#lastWriteAtMs, this.#life.nowMs() + this.#latencyMs());
    this.#lastWriteAtMs = atMs;
    const fails = this.#weather.random() < this.#weather.failureRate;
    const applies = !fails || this.#weather.random() < 0.5;
    return this.#life.reaches(
      this.#later(atMs, async () => {
        const result = applies ? await call() : undefined;
        if (fails || result === undefined) {
          throw new StoreUnavailableError('simulated store', `${name} ${applies ? 'applied' : 'lost'}`);
        }
        return result;
      }),
    );
  }

  #later<T>(atMs: number, call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#life.after(atMs - this.#life.nowMs(), () => {
        call().then(resolve, reject);
      });
    });
  }

  #latencyMs(): number {
    return Math.floor(this.#weather.random() * this.#weather.latencyMaxMs);
  }
}

/** Writes without an answer of their own have this one. */
const answered = (): true => true;

/** More lanes than calls, so that lanes wait for each other's places. */
const LANES: AppendLanes = {
  count: 5,
  laneOf: ({ sessionId }) => sessionId % 5,
  callsMax: 2,
  entriesMax: 64,
  bytesMax: 64 * 1024,
};

export function weatheredQueues(
  store: DurableQueueStore,
  life: ProcessLife,
  weather: StoreWeather,
  onAppended: (batch: readonly AppendEntry[], results: readonly AppendResult[]) => void = () => undefined,
): DurableQueueStore {
  const calls = new Weathered(life, weather);
  const append = async (batch: readonly AppendEntry[]): Promise<readonly AppendResult[]> => {
    const results = await store.append(batch);
    onAppended(batch, results);
    return results;
  };
  return {
    lanes: LANES,
    unsyncedBytes: 0,
    append: (batch: readonly AppendEntry[]) => calls.write('append', () => append(batch)),
    read: (queue, from, limits) => calls.read(() => store.read(queue, from, limits)),
    trim: async (trims) => {
      await calls.write('trim', () => store.trim(trims).then(answered));
    },
    mark: async (queue: QueueKey, seqs: readonly Seq[]) => {
      await calls.write('mark', () => store.mark(queue, seqs).then(answered));
    },
    bounds: (queue) => calls.read(() => store.bounds(queue)),
    drop: async (queue) => {
      await calls.write('drop', () => store.drop(queue).then(answered));
    },
    setQuota: (queue, quota) => store.setQuota(queue, quota),
    total: (tenant) => store.total(tenant),
    totalsAreExact: store.totalsAreExact,
    list: () => store.list(),
    sweepExpired: (nowMs) => calls.write('sweep', () => store.sweepExpired(nowMs)),
    close: () => Promise.resolve(),
  };
}

export function weatheredLog(log: EventLog, life: ProcessLife, weather: StoreWeather): EventLog {
  const calls = new Weathered(life, weather);
  return {
    partitionCount: log.partitionCount,
    partitionOf: (partitionKey) => log.partitionOf(partitionKey),
    append: (records: readonly LogRecord[]) => calls.write('log append', () => log.append(records)),
    startOffsets: () => log.startOffsets(),
    endOffsets: () => log.endOffsets(),
    offsetsAt: (timestampMs) => log.offsetsAt(timestampMs),
    read: (partition, from, recordsMax) => calls.read(() => log.read(partition, from, recordsMax)),
    follow: (
      from: readonly Offset[],
      handler: (entries: readonly LogEntry[]) => void,
    ): Promise<LogFollower> =>
      log.follow(from, (entries) => {
        if (life.alive) handler(entries);
      }),
    close: () => Promise.resolve(),
  };
}

export function weatheredSnapshot(
  store: SnapshotStore,
  life: ProcessLife,
  weather: StoreWeather,
): SnapshotStore {
  const calls = new Weathered(life, weather);
  return {
    write: async (rows) => {
      await calls.write('rows', () => store.write(rows).then(answered));
    },
    saveCheckpoint: async (offsets) => {
      await calls.write('checkpoint', () => store.saveCheckpoint(offsets).then(answered));
    },
    loadCheckpoint: () => calls.read(() => store.loadCheckpoint()),
    async *scan(partition, removedFrom) {
      for await (const rows of store.scan(partition, removedFrom))
        yield await calls.read(() => Promise.resolve(rows));
    },
    close: () => Promise.resolve(),
  };
}
