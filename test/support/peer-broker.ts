/** Brokers of one tenant on the same logs and stores, each of whose appends can be held up: what two brokers do to each other. */
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import { MemorySessionIds } from '../../src/adapters/memory/memory-session-ids.ts';
import { TenantBroker } from '../../src/broker/tenant-broker.ts';
import type { OpenedSession, OpenRequest } from '../../src/broker/opened-session.ts';
import type { EventLog, LogRecord } from '../../src/event-log/event-log.ts';
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { NO_LIMITS, type TenantLimits } from '../../src/quota/tenant-limits.ts';
import type { SessionOwner, SessionState } from '../../src/session/events.ts';
import { DEFAULT_TENANT, incarnation, type ClientId } from '../../src/tenancy/identity.ts';
import { SIMULATED_LIMITS } from './simulated-limits.ts';
import { simulatedServices } from './simulated-services.ts';
import { CLIENT, subscription } from './simulated-session.ts';
import type { SimulatedTime } from './simulated-time.ts';

export class SharedStores {
  readonly time: SimulatedTime;
  readonly log = new MemoryEventLog();
  readonly retained = new MemoryEventLog();
  readonly queues = new MemoryDurableQueue(SIMULATED_LIMITS.durableQueue);
  readonly ids = new MemorySessionIds();

  constructor(time: SimulatedTime) {
    this.time = time;
  }
}

export class PeerBroker {
  readonly broker: TenantBroker;
  readonly #stores: SharedStores;
  readonly #hold: () => Promise<void>;
  #connections = 0;
  #gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

  /** `hold`: what an append waits for before it reaches the log. `quotas`: of the tenant; none unless given. */
  constructor(
    stores: SharedStores,
    id: string,
    start = 1,
    hold: () => Promise<void> = () => Promise.resolve(),
    quotas: TenantLimits = NO_LIMITS,
  ) {
    this.#stores = stores;
    this.#hold = hold;
    this.broker = new TenantBroker(
      DEFAULT_TENANT,
      simulatedServices({
        time: stores.time,
        incarnation: incarnation(id, start),
        logsAreShared: true,
        sessionLog: this.#heldLog(stores.log),
        retainedLog: stores.retained,
        store: stores.queues,
        sessionIds: stores.ids,
        quotas,
      }),
    );
  }

  /** Resolves when it knows everything that is on the log. */
  async start(): Promise<void> {
    await this.#stores.log.follow([], (entries) => {
      for (const entry of entries) this.broker.registry.apply(decodeSessionEvent(entry), entry.offset);
    });
  }

  /** From now on nothing of this broker reaches the log. */
  shut(): void {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.#gate = { opened, open };
  }

  /** What has waited reaches the log now, in order. */
  async open(): Promise<void> {
    this.#gate?.open();
    this.#gate = undefined;
    await this.#stores.time.settle();
  }

  session(clientId: ClientId = CLIENT): SessionState | undefined {
    return this.broker.registry.session(clientId);
  }

  filters(clientId: ClientId = CLIENT): string[] {
    const sessionId = this.session(clientId)?.sessionId;
    const entry = this.broker.registry.get(clientId);
    return Array.from(entry?.subscriptions.values() ?? [])
      .filter(({ value }) => value.sessionId === sessionId)
      .map(({ value }) => value.filter)
      .sort();
  }

  nextOwner(): SessionOwner {
    return { incarnation: this.broker.services.incarnation, connection: ++this.#connections };
  }

  connect(changes: Partial<OpenRequest> = {}): Promise<OpenedSession> {
    const request: OpenRequest = {
      tenant: DEFAULT_TENANT,
      clientId: CLIENT,
      clientName: '',
      verified: false,
      level: 5,
      owner: changes.owner ?? this.nextOwner(),
      cleanStart: false,
      sessionExpiryS: 60,
      will: undefined,
      address: '127.0.0.1',
      isGone: () => false,
      ...changes,
    };
    return this.broker.lifecycle.open(request, (opened) => Promise.resolve(opened));
  }

  close(owner: SessionOwner, clientId: ClientId = CLIENT): Promise<void> {
    const ending = { publishWill: true, sessionExpiryS: undefined, sentThrough: undefined };
    return this.broker.lifecycle.close(clientId, { owner, reason: 'connectionLost', ...ending });
  }

  async subscribe(filter: string, clientId: ClientId = CLIENT): Promise<void> {
    const sessionId = this.session(clientId)?.sessionId;
    if (sessionId === undefined) throw new Error(`${clientId} has no session`);
    await this.broker.lifecycle.subscribe(clientId, [subscription(filter, { clientId, sessionId })]);
  }

  #heldLog(log: EventLog): EventLog {
    let before: Promise<unknown> = Promise.resolve();
    return {
      partitionCount: log.partitionCount,
      partitionOf: (partitionKey) => log.partitionOf(partitionKey),
      offsetsAt: (timestampMs) => log.offsetsAt(timestampMs),
      append: (records: readonly LogRecord[]) => {
        const gate = this.#gate?.opened;
        const appended = Promise.all([before, gate, this.#hold()]).then(() => log.append(records));
        before = appended.catch(() => undefined);
        return appended;
      },
      startOffsets: () => log.startOffsets(),
      endOffsets: () => log.endOffsets(),
      read: (partition, from, recordsMax) => log.read(partition, from, recordsMax),
      follow: (from, handler) => log.follow(from, handler),
      close: () => log.close(),
    };
  }
}
