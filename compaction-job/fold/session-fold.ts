/**
 * The state of the sessions of one partition, as a broker has it that starts now: snapshot, then the tail of the log, folded by
 * the same registry. Holds one partition at a time, packed, and follows the log only when it is told to.
 */
import type { Offset } from '../../src/event-log/event-log.ts';
import { isSessionKey, isSubscriptionKey } from '../../src/event-log/record-key.ts';
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { UndecodableRecordError } from '../../src/event-log/undecodable-record-error.ts';
import { RemovedRows } from '../../src/metadata/removed-rows.ts';
import type { SnapshotRow } from '../../src/metadata/snapshot-store.ts';
import { clientOf, type SessionState } from '../../src/session/events.ts';
import {
  type ClientEntry,
  type RegistryObserver,
  SessionRegistry,
} from '../../src/session/session-registry.ts';
import type { ClientId, TenantId } from '../../src/tenancy/identity.ts';
import type { JobTopic } from '../stores.ts';
import { logStretch } from './log-stretch.ts';

const NOTHING_FOLLOWS: RegistryObserver = {
  sessionChanged: () => undefined,
  overruled: () => undefined,
  subscriptionOverruled: () => undefined,
  subscribed: () => undefined,
  unsubscribed: () => undefined,
};

export interface SessionFoldOptions {
  readonly topic: Pick<JobTopic, 'log' | 'snapshot'>;
  readonly partition: number;
  /** Loaded before anything is scanned; undefined: there is none, the whole log is the tail. */
  readonly checkpoint: Offset | undefined;
  /** Told after each batch how many rows and records it had. */
  readonly onProgress: (count: number) => void;
}

export class SessionFold {
  snapshotRows = 0;
  tailRecords = 0;
  /** Rows that were left out: damaged, and whoever verifies the snapshot finds them. */
  unreadableRows = 0;
  readonly #options: SessionFoldOptions;
  readonly #registries = new Map<TenantId, SessionRegistry>();
  readonly #removed = new RemovedRows();
  #next: Offset;

  private constructor(options: SessionFoldOptions) {
    this.#options = options;
    this.#next = options.checkpoint ?? (0 as Offset);
  }

  /** Resolves when everything before `end` is in the state. */
  static async upTo(end: Offset, options: SessionFoldOptions): Promise<SessionFold> {
    const fold = new SessionFold(options);
    if (options.checkpoint !== undefined) {
      const from: Offset[] = [];
      from[options.partition] = options.checkpoint;
      for await (const scanned of options.topic.snapshot.scan(options.partition, from)) {
        const rows = fold.#removed.sift(scanned);
        for (const row of rows) fold.#applyRow(row);
        fold.snapshotRows += rows.length;
        options.onProgress(rows.length);
      }
    }
    await fold.readTo(end);
    return fold;
  }

  /** Goes on reading the log, up to `end`. Rejects with `UndecodableRecordError` when a later release has written of a client. */
  async readTo(end: Offset): Promise<void> {
    const { topic, partition } = this.#options;
    for await (const entries of logStretch(topic.log, partition, this.#next, end)) {
      for (const entry of this.#removed.news(entries)) if (isOfClient(entry)) this.#apply(entry);
      this.tailRecords += entries.length;
      this.#options.onProgress(entries.length);
    }
    if (end > this.#next) this.#next = end;
  }

  session(tenant: TenantId, clientId: ClientId): SessionState | undefined {
    return this.#registries.get(tenant)?.session(clientId);
  }

  /** Every client that has a session or a subscription on record. */
  *clients(): Generator<ClientEntry, void, undefined> {
    for (const registry of this.#registries.values()) yield* registry.entries();
  }

  #applyRow(row: SnapshotRow): void {
    try {
      this.#apply(row);
    } catch (error) {
      if (!(error instanceof UndecodableRecordError)) throw error;
      this.unreadableRows++;
    }
  }

  #apply(row: SnapshotRow): void {
    const event = decodeSessionEvent(row);
    this.#registryOf(clientOf(event).tenant).apply(event, row.offset);
  }

  #registryOf(tenant: TenantId): SessionRegistry {
    let registry = this.#registries.get(tenant);
    if (registry === undefined) {
      registry = new SessionRegistry(tenant, NOTHING_FOLLOWS);
      this.#registries.set(tenant, registry);
    }
    return registry;
  }
}

/** What somebody else has put on the topic says nothing of anybody's session. */
function isOfClient({ key }: SnapshotRow): boolean {
  return isSessionKey(key) || isSubscriptionKey(key);
}
