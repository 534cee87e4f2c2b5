/**
 * Queues that may be nobody's: all that hold a message, less those whose session turns up. They have to be listed before the end
 * of the log is looked up, because a session is on the log before anything is in its queue.
 */
import {
  queueKey,
  type DurableQueueStore,
  type QueueKey,
  type QueueKind,
} from '../../src/queue/durable-queue.ts';
import type { SessionId, TenantId } from '../../src/tenancy/identity.ts';

const QUEUE_KINDS: readonly QueueKind[] = ['pending', 'held'];

export class SuspectQueues {
  /** Ids only: there may be as many as there are sessions. */
  readonly #sessions = new Map<TenantId, Set<SessionId>>();
  /** Queues that were listed. */
  listed = 0;

  static async list(
    store: Pick<DurableQueueStore, 'list'>,
    onProgress: (count: number) => void,
  ): Promise<SuspectQueues> {
    const suspects = new SuspectQueues();
    for await (const batch of store.list()) {
      for (const { queue } of batch) suspects.#add(queue.tenant, queue.sessionId);
      suspects.listed += batch.length;
      onProgress(batch.length);
    }
    return suspects;
  }

  /** The session is on the log. */
  clear(tenant: TenantId, sessionId: SessionId): void {
    this.#sessions.get(tenant)?.delete(sessionId);
  }

  has(tenant: TenantId, sessionId: SessionId): boolean {
    return this.#sessions.get(tenant)?.has(sessionId) ?? false;
  }

  /** Sessions that have queues and are not on the log. */
  get size(): number {
    let size = 0;
    for (const sessions of this.#sessions.values()) size += sessions.size;
    return size;
  }

  /** The queues of those sessions, of both kinds: one that is not there is dropped in vain. */
  *queues(): Generator<QueueKey, void, undefined> {
    for (const [tenant, sessions] of this.#sessions) {
      for (const sessionId of sessions) yield* queuesOf(tenant, sessionId);
    }
  }

  #add(tenant: TenantId, sessionId: SessionId): void {
    let sessions = this.#sessions.get(tenant);
    if (sessions === undefined) {
      sessions = new Set();
      this.#sessions.set(tenant, sessions);
    }
    sessions.add(sessionId);
  }
}

/** Everything that a session has in the queue store. */
export function queuesOf(tenant: TenantId, sessionId: SessionId): readonly QueueKey[] {
  return QUEUE_KINDS.map((kind) => queueKey(tenant, sessionId, kind));
}
