/**
 * One pass of the compaction job. Every step may be cut off anywhere and done again, also by two at once: what counts is on the
 * log or carries its offset, and what is removed is removed only when the log, read behind it, says that nobody has it.
 */
import type { Offset } from '../src/event-log/event-log.ts';
import type { QueueKey } from '../src/queue/durable-queue.ts';
import type { Clock } from '../src/time/clock.ts';
import { forEachBounded } from './bounded-work.ts';
import {
  confirmedExpired,
  endSessions,
  type ExpiredSession,
  expiredSession,
  sessionVerdict,
} from './clean/expired-sessions.ts';
import { witnessedSessions } from './clean/log-witness.ts';
import { forgetOldTombstones } from './clean/old-tombstones.ts';
import { queuesOf, SuspectQueues } from './clean/suspect-queues.ts';
import { ForeignSnapshotError, logReach } from './fold/log-reach.ts';
import { SessionFold } from './fold/session-fold.ts';
import type { Progress, ProgressStep } from './progress.ts';
import type { JobStores, JobTopic } from './stores.ts';
import { newSummary, newVerificationSummary, type Summary } from './summary.ts';
import { verifyTopic } from './verify/topic-verification.ts';

/** Queues that are dropped at the same time. */
const DROPS_AT_ONCE = 16;

export interface PassOptions {
  readonly stores: JobStores;
  readonly clock: Clock;
  readonly progress: Progress;
  /** How long living brokers have to end an expired session themselves, milliseconds. */
  readonly graceMs: number;
  /** How long a tombstone stays in the snapshot, milliseconds. */
  readonly tombstoneRetentionMs: number;
  readonly verify: boolean;
  /** Mends what `verify` finds. */
  readonly repair: boolean;
  /** Changes nothing anywhere. */
  readonly dryRun: boolean;
}

/** Rejects when log or store cannot be reached, or do not belong together. What was done until then stays done. */
export async function runPass(options: PassOptions): Promise<Summary> {
  const { stores, clock, progress, verify, repair, dryRun } = options;
  const summary = newSummary(dryRun);
  const startedAtMs = clock.nowMs();
  for (const topic of [stores.sessions, stores.retained]) await logReach(topic);
  // First: what is mended needs not be doubted afterwards.
  if (verify) {
    summary.verification = newVerificationSummary();
    for (const topic of [stores.sessions, stores.retained])
      await verifyTopic(topic, { repair: repair && !dryRun, progress }, summary.verification);
  }
  await new SessionCleaning(options, summary).run();
  for (const topic of [stores.sessions, stores.retained]) await forgetTombstones(topic, options, summary);
  summary.durationMs = clock.nowMs() - startedAtMs;
  return summary;
}

/** Expired sessions and orphaned queues, in one fold. */
class SessionCleaning {
  readonly #options: PassOptions;
  readonly #summary: Summary;
  readonly #dropping: ProgressStep;

  constructor(options: PassOptions, summary: Summary) {
    this.#options = options;
    this.#summary = summary;
    this.#dropping = options.progress.step('drop queues', 'queues');
  }

  async run(): Promise<void> {
    const { stores, progress } = this.#options;
    const listing = progress.step('list queues', 'queues');
    const suspects = await SuspectQueues.list(stores.queues, listing.add);
    listing.end();
    const { checkpoints, ends } = await logReach(stores.sessions);
    assertSameInstallation(suspects, ends);
    const folding = progress.step('fold sessions', 'rows and records');
    for (const [partition, end] of ends.entries()) {
      const fold = await SessionFold.upTo(end, {
        topic: stores.sessions,
        partition,
        checkpoint: checkpoints?.[partition],
        onProgress: folding.add,
      });
      await this.#end(fold, partition, end, this.#look(fold, suspects));
      this.#summary.fold.partitions++;
      this.#summary.fold.snapshotRows += fold.snapshotRows;
      this.#summary.fold.tailRecords += fold.tailRecords;
      this.#summary.fold.unreadableRows += fold.unreadableRows;
    }
    folding.end();
    await this.#clearWitnessed(suspects);
    this.#summary.queues.listed = suspects.listed;
    this.#summary.queues.orphanedSessions = suspects.size;
    await this.#drop(suspects.queues());
    this.#dropping.end();
  }

  /** A session that only the snapshot does not know keeps its queues. */
  async #clearWitnessed(suspects: SuspectQueues): Promise<void> {
    const { log } = this.#options.stores.sessions;
    if (suspects.size === 0) return;
    for (const [partition, end] of (await log.endOffsets()).entries()) {
      const witnessed = await witnessedSessions(log, partition, end, (each) =>
        suspects.has(each.tenant, each.sessionId),
      );
      for (const { session } of witnessed.values()) {
        suspects.clear(session.tenant, session.sessionId);
        this.#summary.queues.unconfirmed++;
      }
    }
  }

  /** Counts, clears those who have a session of suspicion, and returns what has expired. */
  #look(fold: SessionFold, suspects: SuspectQueues): readonly ExpiredSession[] {
    const { sessions, subscriptions: counted } = this.#summary;
    const atMs = this.#options.clock.nowMs() - this.#options.graceMs;
    const expired: ExpiredSession[] = [];
    for (const { session, subscriptions } of fold.clients()) {
      const state = session?.value;
      for (const { value } of subscriptions.values()) {
        counted.known++;
        if (value.sessionId !== state?.sessionId) counted.foreign++;
      }
      if (session === undefined || state === undefined) continue;
      suspects.clear(state.tenant, state.sessionId);
      sessions.known++;
      if (state.owner !== undefined) sessions.connected++;
      const verdict = sessionVerdict(state, subscriptions.keys(), atMs);
      if (verdict === 'brokers') sessions.leftToBrokers++;
      if (verdict !== 'expired') continue;
      expired.push(expiredSession(session, subscriptions.values()));
    }
    sessions.expired += expired.length;
    return expired;
  }

  async #end(
    fold: SessionFold,
    partition: number,
    end: Offset,
    expired: readonly ExpiredSession[],
  ): Promise<void> {
    const { stores, clock, dryRun } = this.#options;
    const { log } = stores.sessions;
    const confirmed = await confirmedExpired(log, partition, end, expired);
    const { sessions } = this.#summary;
    sessions.unconfirmed += expired.length - confirmed.length;
    if (dryRun) return;
    let ended = 0;
    for await (const gone of endSessions(log, fold, confirmed, clock.nowMs())) {
      await this.#drop(gone.flatMap(({ tenant, sessionId }) => queuesOf(tenant, sessionId)));
      ended += gone.length;
    }
    sessions.ended += ended;
    sessions.resumed += confirmed.length - ended;
  }

  async #drop(queues: Iterable<QueueKey>): Promise<void> {
    const { stores, dryRun } = this.#options;
    if (dryRun) return;
    this.#summary.queues.dropped += await forEachBounded(queues, DROPS_AT_ONCE, async (queue) => {
      await stores.queues.drop(queue);
      this.#dropping.add(1);
    });
  }
}

async function forgetTombstones(
  topic: JobTopic,
  { clock, tombstoneRetentionMs, dryRun, progress }: PassOptions,
  summary: Summary,
): Promise<void> {
  const { checkpoints } = await logReach(topic);
  const beforeMs = clock.nowMs() - tombstoneRetentionMs;
  const forgetting = progress.step(`forget tombstones of ${topic.name}`, 'tombstones');
  for (const [partition, checkpoint] of checkpoints?.entries() ?? []) {
    const bounds = { checkpoint, beforeMs };
    const forgotten = await forgetOldTombstones(topic, partition, bounds, dryRun);
    forgetting.add(forgotten);
    summary.tombstones.forgotten += forgotten;
  }
  forgetting.end();
}

/** A log on which nothing ever was says of every queue that it is nobody's. */
function assertSameInstallation(suspects: SuspectQueues, ends: readonly Offset[]): void {
  if (suspects.size === 0 || ends.some((end) => end > 0)) return;
  throw new ForeignSnapshotError(
    `There are queues of ${suspects.size} sessions, and nothing was ever written to the log: ` +
      'kafka and hbase in the configuration belong to two installations, or the topic was made anew.',
  );
}
