/** What a pass of the compaction job works on, in memory, with a clock that stands still. */
import { runPass, type PassOptions } from '../../compaction-job/pass.ts';
import { Progress } from '../../compaction-job/progress.ts';
import type { JobTopic } from '../../compaction-job/stores.ts';
import type { Summary } from '../../compaction-job/summary.ts';
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import type { EventLog, LogEntry, Offset } from '../../src/event-log/event-log.ts';
import { decodeSessionEvent, encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import type { SnapshotRow } from '../../src/metadata/snapshot-store.ts';
import { queueKey, type QueueKind } from '../../src/queue/durable-queue.ts';
import type { SessionEvent, SessionState, Subscription } from '../../src/session/events.ts';
import { evolveSession, evolveSubscription, type Versioned } from '../../src/session/evolve.ts';
import { DEFAULT_TENANT, type SessionId } from '../../src/tenancy/identity.ts';
import { SIMULATED_LIMITS } from './simulated-limits.ts';
import { messageTo, queued } from './simulated-message.ts';
import { VersionedSnapshot } from './versioned-snapshot.ts';

export const NOW_MS = 1_000_000_000;
export const GRACE_MS = 60_000;
const DAY_MS = 86_400_000;

export interface MemoryTopic extends JobTopic {
  readonly log: MemoryEventLog;
  readonly snapshot: VersionedSnapshot;
}

export function memoryTopic(name: string, partitions: number): MemoryTopic {
  const snapshot = new VersionedSnapshot();
  return { name, log: new MemoryEventLog(partitions), snapshot, upkeep: snapshot };
}

export class JobWorld {
  readonly sessions = memoryTopic('sessions', 2);
  readonly retained = memoryTopic('retained', 2);
  readonly queues = new MemoryDurableQueue(SIMULATED_LIMITS.durableQueue);

  async record(...events: readonly SessionEvent[]): Promise<void> {
    await this.sessions.log.append(events.map((event) => encodeSessionEvent(event, NOW_MS)));
  }

  /** A message in the session's queue. */
  async queue(sessionId: number, kind: QueueKind = 'pending'): Promise<void> {
    const queue = queueKey(DEFAULT_TENANT, sessionId as SessionId, kind);
    const entry = { queue, producer: 'test', sequence: 1, queued: queued(messageTo('a')) };
    await this.queues.append([entry]);
  }

  /** Sessions that have queues, in order. */
  async queued(): Promise<readonly number[]> {
    const ids: number[] = [];
    for await (const batch of this.queues.list()) ids.push(...batch.map(({ queue }) => queue.sessionId));
    return ids.sort((a, b) => a - b);
  }

  /** Brings the snapshots up to date. */
  async fold(): Promise<void> {
    await foldInto(this.sessions);
    await foldInto(this.retained);
  }

  run(options: Partial<PassOptions> = {}): Promise<Summary> {
    return runPass({
      stores: this,
      clock: { nowMs: () => NOW_MS },
      progress: new Progress({ write: () => undefined, monotonicMs: () => 0 }),
      graceMs: GRACE_MS,
      tombstoneRetentionMs: DAY_MS,
      verify: false,
      repair: false,
      dryRun: false,
      ...options,
    });
  }
}

/** What a metadata service does, up to an offset of each partition or to the end; the checkpoint may lie before that. */
export async function foldInto(
  { log, snapshot }: Pick<MemoryTopic, 'log' | 'snapshot'>,
  to?: readonly Offset[],
  checkpoint?: readonly Offset[],
): Promise<void> {
  const ends = to ?? (await log.endOffsets());
  const rows = new Map<string, SnapshotRow>();
  const states = new Map<string, KeyState>();
  for (const entry of await entriesOf(log)) {
    if (entry.offset >= (ends[entry.partition] ?? 0)) continue;
    const before = states.get(entry.key);
    const after = evolved(before, entry);
    if (after === before && before !== undefined) continue;
    if (after === undefined) states.delete(entry.key);
    else states.set(entry.key, after);
    rows.set(entry.key, entry);
  }
  await snapshot.write([...rows.values()]);
  await snapshot.saveCheckpoint(checkpoint ?? ends);
}

type KeyState = Versioned<SessionState | Subscription | null>;

function evolved(before: KeyState | undefined, entry: LogEntry): KeyState | undefined {
  if (entry.key.startsWith('r'))
    return entry.value === null ? undefined : { value: null, offset: entry.offset };
  const event = decodeSessionEvent(entry);
  return event.type === 'Subscribed' || event.type === 'Unsubscribed'
    ? evolveSubscription(before as Versioned<Subscription> | undefined, event, entry.offset)
    : evolveSession(before as Versioned<SessionState> | undefined, event, entry.offset);
}

export async function entriesOf(log: EventLog): Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let partition = 0; partition < log.partitionCount; partition++) {
    entries.push(...(await log.read(partition, 0 as Offset, Number.MAX_SAFE_INTEGER)));
  }
  return entries;
}

export async function rowsOf(snapshot: VersionedSnapshot): Promise<readonly SnapshotRow[]> {
  const rows: SnapshotRow[] = [];
  for await (const batch of snapshot.scan()) rows.push(...batch);
  return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
}
