/**
 * The books of one simulation, kept from what clients saw: what was published, acknowledged, subscribed and
 * delivered. Says at the end what is missing, twice, out of order or in the wrong tenant's hands.
 */
import { matchesFilter } from '../../src/mqtt/topic.ts';
import type { QoS } from '../../src/mqtt/qos.ts';

export interface PublishedMessage {
  readonly id: string;
  readonly tenant: string;
  readonly publisher: string;
  readonly topic: string;
  readonly number: number;
  readonly qos: QoS;
  readonly sentAtMs: number;
  acknowledgedAtMs: number | undefined;
}

/** One filter of one persistent client, from SUBACK to UNSUBSCRIBE. */
interface Interest {
  readonly tenant: string;
  readonly client: string;
  readonly filter: string;
  readonly group: string | undefined;
  readonly qos: QoS;
  readonly fromMs: number;
  untilMs: number;
}

export class Ledger {
  readonly violations: string[] = [];
  readonly #messages = new Map<string, PublishedMessage>();
  readonly #wills = new Set<string>();
  readonly #interests: Interest[] = [];
  /** By `tenant/client`: message ids in the order of their first arrival, with how often each arrived. */
  readonly #deliveries = new Map<string, Map<string, number>>();
  /** Messages that came with QoS 2, as `client message`. */
  readonly #cameWithQoS2 = new Set<string>();
  readonly #numbers = new Map<string, number>();
  /** Publishers that keep no order themselves, as `tenant|publisher`. */
  readonly unordered = new Set<string>();

  get acknowledged(): number {
    return [...this.#messages.values()].filter(({ acknowledgedAtMs }) => acknowledgedAtMs !== undefined)
      .length;
  }

  get delivered(): number {
    let sum = 0;
    for (const arrivals of this.#deliveries.values()) sum += arrivals.size;
    return sum;
  }

  /** A will on its way to the broker: nobody promises in which order those of several connections come. */
  will(tenant: string, publisher: string, topic: string, qos: QoS, nowMs: number): PublishedMessage {
    const message = this.publish(tenant, publisher, topic, qos, nowMs);
    this.#wills.add(message.id);
    return message;
  }

  publish(tenant: string, publisher: string, topic: string, qos: QoS, nowMs: number): PublishedMessage {
    const source = `${tenant}|${publisher}|${topic}`;
    const number = (this.#numbers.get(source) ?? 0) + 1;
    this.#numbers.set(source, number);
    const message: PublishedMessage = {
      id: `${source}|${number}`,
      tenant,
      publisher,
      topic,
      number,
      qos,
      sentAtMs: nowMs,
      acknowledgedAtMs: undefined,
    };
    this.#messages.set(message.id, message);
    return message;
  }

  message(id: string): PublishedMessage | undefined {
    return this.#messages.get(id);
  }

  subscribed(interest: Omit<Interest, 'untilMs'>): void {
    this.#interests.push({ ...interest, untilMs: Infinity });
  }

  unsubscribing(tenant: string, client: string, filter: string, nowMs: number): void {
    for (const interest of this.#interests) {
      if (interest.tenant === tenant && interest.client === client && interest.filter === filter) {
        interest.untilMs = Math.min(interest.untilMs, nowMs);
      }
    }
  }

  deliver(tenant: string, client: string, id: string, qos: QoS): void {
    const message = this.#messages.get(id);
    if (message === undefined) this.violations.push(`${tenant}/${client} got ${id}, which nobody published`);
    else if (message.tenant !== tenant)
      this.violations.push(`${tenant}/${client} got ${id} of another tenant`);
    const name = `${tenant}/${client}`;
    if (qos === 2) {
      if (this.#cameWithQoS2.has(`${name} ${id}`)) this.violations.push(`${name} got ${id} again with QoS 2`);
      this.#cameWithQoS2.add(`${name} ${id}`);
    }
    let arrivals = this.#deliveries.get(name);
    if (arrivals === undefined) this.#deliveries.set(name, (arrivals = new Map<string, number>()));
    arrivals.set(id, (arrivals.get(id) ?? 0) + 1);
  }

  /** Persistent clients that must have the message if it is acknowledged at `ackMs`; shared groups left out. */
  receiversOf(message: PublishedMessage, ackMs: number): string[] {
    const receivers = this.#interests.filter(
      (each) => each.group === undefined && covers(each, message, ackMs),
    );
    return [...new Set(receivers.map(({ client }) => client))];
  }

  /** Every promise that was broken, once everything had time to arrive. */
  audit(): string[] {
    for (const message of this.#messages.values()) {
      if (message.acknowledgedAtMs !== undefined) this.#auditLoss(message, message.acknowledgedAtMs);
    }
    this.#auditOrder();
    return this.violations;
  }

  #auditLoss(message: PublishedMessage, ackMs: number): void {
    for (const client of this.receiversOf(message, ackMs)) {
      if (this.#count(message, client) === 0) this.violations.push(`${client} never got ${message.id}`);
    }
    const groups = new Set<string>();
    for (const interest of this.#interests) {
      if (interest.group !== undefined && covers(interest, message, ackMs)) groups.add(interest.group);
    }
    for (const group of groups) {
      const members = this.#interests.filter((each) => each.group === group && covers(each, message, ackMs));
      const copies = members.reduce((sum, { client }) => sum + this.#count(message, client), 0);
      if (copies === 0) this.violations.push(`nobody of ${group} got ${message.id}`);
    }
  }

  #auditOrder(): void {
    for (const [client, arrivals] of this.#deliveries) {
      const last = new Map<string, number>();
      for (const id of arrivals.keys()) {
        const message = this.#messages.get(id);
        // What was published before the client subscribed may reach it late, when its publisher repeats it.
        if (message === undefined || !this.#covered(client, message)) continue;
        // The CONNECT of a later connection may overtake that of an earlier one, which then takes the session over.
        if (this.#wills.has(id)) continue;
        if (this.unordered.has(`${message.tenant}|${message.publisher}`)) continue;
        const source = `${message.publisher}|${message.topic}`;
        const before = last.get(source) ?? 0;
        if (message.number < before) this.violations.push(`${client} got ${id} after number ${before}`);
        last.set(source, Math.max(before, message.number));
      }
    }
  }

  #covered(client: string, message: PublishedMessage): boolean {
    return this.#interests.some(
      (each) => `${each.tenant}/${each.client}` === client && covers(each, message, message.sentAtMs),
    );
  }

  #count(message: PublishedMessage, client: string): number {
    return this.#deliveries.get(`${message.tenant}/${client}`)?.get(message.id) ?? 0;
  }
}

function covers(interest: Interest, message: PublishedMessage, ackMs: number): boolean {
  return (
    interest.tenant === message.tenant &&
    interest.fromMs <= message.sentAtMs &&
    ackMs <= interest.untilMs &&
    matchesFilter(interest.filter, message.topic)
  );
}
