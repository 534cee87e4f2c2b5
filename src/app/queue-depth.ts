/**
 * Messages and bytes in durable queues per tenant, counted when asked for, at most once in a while. While the store is away the
 * numbers stay as they were.
 */
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { DurableQueueStore } from '../queue/durable-queue.ts';
import type { TenantId } from '../tenancy/identity.ts';

/** A walk over a million queues is not repeated for every scrape. */
const REFRESH_AFTER_MS = 5_000;
const MS_PER_S = 1_000;
/** Nor is one that takes long, as over a network: walks take a twentieth of the time at most. */
const REST_FACTOR = 20;

interface Depth {
  readonly messages: number;
  readonly bytes: number;
  readonly queues: number;
}

const NOTHING: Depth = { messages: 0, bytes: 0, queues: 0 };

export class QueueDepth {
  readonly #store: DurableQueueStore;
  #byTenant = new Map<TenantId, Depth>();
  #countedAtMs = 0;
  #restMs = 0;
  #counting: Promise<void> | undefined;
  #succeededAtMs = Date.now();
  #problem: unknown;

  constructor(store: DurableQueueStore) {
    this.#store = store;
  }

  messages(tenant: TenantId): number {
    void this.refresh();
    return this.#byTenant.get(tenant)?.messages ?? 0;
  }

  /** Why the numbers are as they were before; undefined: they are of the last count. */
  get problem(): unknown {
    return this.#problem;
  }

  get gauges(): GaugeSource[] {
    const read = (member: keyof Depth) => () =>
      Array.from(this.#byTenant, ([tenant, depth]) => ({ labels: { tenant }, value: depth[member] }));
    return [
      {
        name: 'spoke_queues',
        help: 'Durable queues that hold a message.',
        type: 'gauge',
        read: read('queues'),
      },
      {
        name: 'spoke_queue_messages',
        help: 'Messages in durable queues.',
        type: 'gauge',
        read: read('messages'),
      },
      { name: 'spoke_queue_bytes', help: 'Bytes in durable queues.', type: 'gauge', read: read('bytes') },
      {
        name: 'spoke_queue_count_age_seconds',
        help: 'Since durable queues were counted last, or since the start.',
        type: 'gauge',
        read: () => (Date.now() - this.#succeededAtMs) / MS_PER_S,
      },
    ];
  }

  /** Resolves when the numbers are as fresh as they get. Never rejects. */
  refresh(): Promise<void> {
    if (this.#counting !== undefined) return this.#counting;
    if (Date.now() - this.#countedAtMs < this.#restMs) return Promise.resolve();
    this.#counting = this.#countAndRest();
    return this.#counting;
  }

  async #countAndRest(): Promise<void> {
    const startedAtMs = Date.now();
    try {
      await this.#count();
      this.#succeededAtMs = startedAtMs;
      this.#problem = undefined;
      this.#restMs = Math.max(REFRESH_AFTER_MS, (Date.now() - startedAtMs) * REST_FACTOR);
    } catch (error) {
      // The store is away, which readiness and the log say; whoever wants to know next asks again.
      this.#problem = error;
      this.#restMs = REFRESH_AFTER_MS;
    } finally {
      this.#countedAtMs = Date.now();
      this.#counting = undefined;
    }
  }

  async #count(): Promise<void> {
    const byTenant = new Map<TenantId, Depth>();
    for await (const queues of this.#store.list()) {
      for (const { queue, messages, bytes } of queues) {
        const before = byTenant.get(queue.tenant) ?? NOTHING;
        byTenant.set(queue.tenant, {
          messages: before.messages + messages,
          bytes: before.bytes + bytes,
          queues: before.queues + 1,
        });
      }
    }
    this.#byTenant = byTenant;
  }
}
