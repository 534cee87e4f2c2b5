/**
 * Looks at what is durable at the very moment the broker sends a packet that promises something, and at who
 * owns a session when a packet goes to its client.
 */
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import type { EventLog, Offset } from '../../src/event-log/event-log.ts';
import type { AppendEntry, AppendResult } from '../../src/queue/durable-queue.ts';
import { queueKey } from '../../src/queue/durable-queue.ts';
import type { SessionState } from '../../src/session/events.ts';
import { SessionRegistry } from '../../src/session/session-registry.ts';
import type { ClientId, TenantId } from '../../src/tenancy/identity.ts';
import type { Received, SimulatedLink } from '../support/simulated-link.ts';
import type { SimulatedTime } from '../support/simulated-time.ts';
import type { Ledger } from './ledger.ts';
import type { ScriptedClient } from './scripted-client.ts';

export class DurabilityWitness {
  /** Folds of the durable log, by tenant. */
  readonly registries = new Map<string, SessionRegistry>();
  readonly #ledger: Ledger;
  readonly #time: SimulatedTime;
  /** By queue: payloads that were ever durable in it. */
  readonly #stored = new Map<string, Set<string>>();
  /** By client: the link whose CONNACK came last. */
  readonly #owners = new Map<string, SimulatedLink>();
  /** By session and packet identifier: payloads sent before. */
  readonly #sent = new Set<string>();

  constructor(ledger: Ledger, time: SimulatedTime) {
    this.#ledger = ledger;
    this.#time = time;
  }

  watchLog(log: EventLog): Promise<unknown> {
    return log.follow([0 as Offset], (entries) => {
      for (const entry of entries) {
        const event = decodeSessionEvent(entry);
        const tenant = entry.partitionKey.split('\0')[0] ?? '';
        this.#registry(tenant).apply(event, entry.offset);
      }
    });
  }

  /** Tells what became durable in the queues. */
  readonly appended = (batch: readonly AppendEntry[], results: readonly AppendResult[]): void => {
    for (const [index, { status }] of results.entries()) {
      const entry = batch[index];
      if (entry !== undefined && (status === 'stored' || status === 'repeat')) this.#remember(entry);
    }
  };

  sees(client: ScriptedClient, link: SimulatedLink, packet: Received): void {
    this.#checkOwner(client, link, packet);
    switch (packet.type) {
      case 'connack':
        if (packet.reasonCode === 0) this.#checkOpened(client, link);
        return;
      case 'suback':
        if (client.profile.persistent) this.#checkSubscribed(client);
        return;
      case 'puback':
      case 'pubcomp':
        this.#checkAppended(client, packet);
        return;
      case 'pubrec':
        if (client.profile.persistent) this.#checkHeld(client, packet);
        else this.#checkAppended(client, packet);
        return;
      case 'publish':
        if (client.profile.persistent && packet.qos > 0) this.#checkDup(client, packet);
        return;
      default:
        return;
    }
  }

  session(client: ScriptedClient): SessionState | undefined {
    const { tenant, clientId } = client.profile;
    return this.#registry(tenant).get(clientId as ClientId)?.session?.value;
  }

  #checkOwner(client: ScriptedClient, link: SimulatedLink, packet: Received): void {
    const name = nameOf(client);
    if (packet.type === 'connack' && packet.reasonCode === 0) this.#owners.set(name, link);
    else if (packet.type !== 'disconnect' && packet.type !== 'connack' && this.#owners.get(name) !== link) {
      this.#violation(`${name}: ${packet.type} on ${link.name}, which no longer owns the session`);
    }
  }

  #checkOpened(client: ScriptedClient, link: SimulatedLink): void {
    const owner = this.session(client)?.owner;
    if (owner === undefined) this.#violation(`${nameOf(client)}: CONNACK on ${link.name} without a record`);
  }

  #checkSubscribed(client: ScriptedClient): void {
    const { tenant, clientId, filters } = client.profile;
    const recorded = this.#registry(tenant).get(clientId as ClientId)?.subscriptions;
    for (const { filter, group } of filters) {
      const full = group === undefined ? filter : `$share/${group}/${filter}`;
      if (recorded?.has(full) !== true)
        this.#violation(`${nameOf(client)}: SUBACK before ${full} was durable`);
    }
  }

  #checkHeld(client: ScriptedClient, { packetId, reasonCode }: AckSeen): void {
    const message = client.exchanges.get(packetId)?.message;
    const session = this.session(client);
    if (reasonCode >= 0x80 || message === undefined || session === undefined) return;
    const queue = queueKey(session.tenant, session.sessionId, 'held').text;
    if (this.#stored.get(queue)?.has(message.id) !== true) {
      this.#violation(`${nameOf(client)}: PUBREC for ${message.id} before it was held durably`);
    }
  }

  #checkAppended(client: ScriptedClient, { packetId, reasonCode, type }: AckSeen): void {
    const message = client.exchanges.get(packetId)?.message;
    if (reasonCode >= 0x80 || message === undefined) return;
    for (const receiver of this.#ledger.receiversOf(message, this.#time.nowMs())) {
      const session = this.#registry(message.tenant).get(receiver as ClientId)?.session?.value;
      if (session === undefined) continue;
      const queue = queueKey(message.tenant as TenantId, session.sessionId, 'pending').text;
      if (this.#stored.get(queue)?.has(message.id) !== true) {
        this.#violation(`${type.toUpperCase()} for ${message.id} before ${receiver} had it durably`);
      }
    }
  }

  #checkDup(client: ScriptedClient, packet: Extract<Received, { type: 'publish' }>): void {
    const position = `${nameOf(client)} ${packet.packetId} ${packet.message.payload.toString()}`;
    if (this.#sent.has(position) && !packet.dup) this.#violation(`${position} was sent again without DUP`);
    this.#sent.add(position);
  }

  #registry(tenant: string): SessionRegistry {
    let registry = this.registries.get(tenant);
    if (registry === undefined)
      this.registries.set(tenant, (registry = new SessionRegistry(tenant as TenantId, SILENT)));
    return registry;
  }

  #remember({ queue, queued }: AppendEntry): void {
    let stored = this.#stored.get(queue.text);
    if (stored === undefined) this.#stored.set(queue.text, (stored = new Set()));
    stored.add(queued.message.payload.toString());
  }

  #violation(text: string): void {
    this.#ledger.violations.push(`${this.#time.nowMs()} ${text}`);
  }
}

interface AckSeen {
  readonly type: string;
  readonly packetId: number;
  readonly reasonCode: number;
}

const SILENT = {
  sessionChanged: ignore,
  overruled: ignore,
  subscriptionOverruled: ignore,
  subscribed: ignore,
  unsubscribed: ignore,
};

function ignore(): void {
  // The fold itself is what is looked at.
}

function nameOf({ profile }: ScriptedClient): string {
  return `${profile.tenant}/${profile.clientId}`;
}
