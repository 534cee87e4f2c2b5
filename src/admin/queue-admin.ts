/** Durable queues for the admin API. */
import type { Broker } from '../broker/broker.ts';
import type { QueueBounds, QueueKey, Seq } from '../queue/durable-queue.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';
import { QUEUE_HEAD_MAX } from './admin-port.ts';
import type { Page, QueueDetail, QueuedMessageSummary, QueueQuery, QueueSummary } from './admin-port.ts';
import { pageOf } from './page-of.ts';
import type { SessionAdmin } from './session-admin.ts';

const HEAD_LIMITS = { messagesMax: QUEUE_HEAD_MAX, bytesMax: 4 * 1024 * 1024 };
/** Digits of the largest session id: keys of pages sort as text. */
const SESSION_ID_DIGITS = 16;

type ListedQueue = QueueBounds & { readonly queue: QueueKey };

export class QueueAdmin {
  readonly #broker: Broker;
  readonly #sessions: SessionAdmin;

  constructor(broker: Broker, sessions: SessionAdmin) {
    this.#broker = broker;
    this.#sessions = sessions;
  }

  async listQueues(query: QueueQuery): Promise<Page<QueueSummary>> {
    const listed: ListedQueue[] = [];
    for await (const batch of this.#broker.services.store.list()) {
      for (const each of batch)
        if (query.tenant === undefined || query.tenant === each.queue.tenant) listed.push(each);
    }
    const page = pageOf(listed, ({ queue }) => pageKey(queue), query);
    const clients = this.#clientsOf(page.items);
    return {
      items: page.items.map((each) => summary(each.queue, each, clients.get(each.queue.text))),
      next: page.next,
    };
  }

  async showQueue(tenant: TenantId, clientId: ClientId): Promise<QueueDetail | undefined> {
    const queue = this.#pending(tenant, clientId);
    if (queue === undefined) return undefined;
    const { store } = this.#broker.services;
    const { durableQueue } = (this.#broker.tenant(tenant) ?? this.#broker.services).limits;
    const bounds = await store.bounds(queue);
    const entries = await store.read(queue, bounds.min, HEAD_LIMITS);
    const head = entries.map(({ seq, queued }): QueuedMessageSummary => {
      const { topic, payload, publishedAtMs, expiresAtMs } = queued.message;
      return { seq, topic, qos: queued.qos, payloadBytes: payload.length, publishedAtMs, expiresAtMs };
    });
    const { messagesMax, bytesMax, policy } = durableQueue;
    return { ...summary(queue, bounds, clientId), quota: { messagesMax, bytesMax, policy }, head };
  }

  async purgeQueue(tenant: TenantId, clientId: ClientId): Promise<number | undefined> {
    const queue = this.#pending(tenant, clientId);
    if (queue === undefined) return undefined;
    const { store } = this.#broker.services;
    const { messages, next } = await store.bounds(queue);
    await store.trim([{ queue, through: (next - 1) as Seq }]);
    return messages;
  }

  #pending(tenant: TenantId, clientId: ClientId): QueueKey | undefined {
    return this.#sessions.find(tenant, clientId)?.broker.subscriber(clientId)?.pending;
  }

  /** Client identifiers by queue, for the queues of one page. */
  #clientsOf(queues: readonly ListedQueue[]): Map<string, ClientId> {
    const wanted = new Map<TenantId, Map<SessionId, string[]>>();
    for (const { queue } of queues) {
      const ofTenant = wanted.get(queue.tenant) ?? new Map<SessionId, string[]>();
      wanted.set(queue.tenant, ofTenant);
      ofTenant.set(queue.sessionId, [...(ofTenant.get(queue.sessionId) ?? []), queue.text]);
    }
    const clients = new Map<string, ClientId>();
    for (const [tenant, sessions] of wanted) {
      for (const { sessionId, clientId } of this.#broker.tenant(tenant)?.registry.sessions() ?? []) {
        for (const text of sessions.get(sessionId) ?? []) clients.set(text, clientId);
      }
    }
    return clients;
  }
}

function pageKey({ tenant, sessionId, kind }: QueueKey): string {
  return `${tenant}/${String(sessionId).padStart(SESSION_ID_DIGITS, '0')}/${kind}`;
}

function summary(queue: QueueKey, bounds: QueueBounds, clientId: ClientId | undefined): QueueSummary {
  const { tenant, sessionId, kind } = queue;
  const { messages, bytes, min, next } = bounds;
  return { tenant, sessionId, kind, clientId, messages, bytes, min, next };
}
