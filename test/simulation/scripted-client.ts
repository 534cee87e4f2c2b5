/**
 * An MQTT client as the standard wants it, driven by a seed: it remembers its unfinished exchanges over
 * connections, sends them again when its session is still there, and tells the ledger what it saw.
 */
import type { ClientPacket, ConnectPacket, WillPacket } from '../../src/mqtt/packets.ts';
import type { QoS } from '../../src/mqtt/qos.ts';
import { NO_PROPERTIES } from '../../src/queue/message.ts';
import type { Received, SimulatedLink } from '../support/simulated-link.ts';
import type { SimulatedTime } from '../support/simulated-time.ts';
import type { Ledger, PublishedMessage } from './ledger.ts';

export interface ClientProfile {
  readonly tenant: string;
  readonly clientId: string;
  readonly level: 4 | 5;
  readonly persistent: boolean;
  readonly receiveMaximum: number;
  readonly ackDelayMaxMs: number;
  readonly topics: readonly { readonly topic: string; readonly qos: QoS; readonly retain: boolean }[];
  readonly filters: readonly { readonly filter: string; readonly group?: string; readonly qos: QoS }[];
  readonly willTopic: string | undefined;
  /** After a reconnect it repeats its unfinished exchanges newest first, so that releases overtake each other. */
  readonly hasty?: boolean;
}

export interface ClientWorld {
  readonly time: SimulatedTime;
  readonly random: () => number;
  readonly ledger: Ledger;
  /** undefined: nobody listens now. */
  dial(client: ScriptedClient): SimulatedLink | undefined;
}

export interface Exchange {
  readonly message: PublishedMessage;
  readonly packetId: number;
  readonly retain: boolean;
  stage: 'publish' | 'release';
}

const RECONNECT_MAX_MS = 2_000;
/** Own limit of unfinished exchanges; below the broker's receive maximum. */
const EXCHANGES_MAX = 20;

export class ScriptedClient {
  readonly profile: ClientProfile;
  /** By packet identifier, in the order they were begun. */
  readonly exchanges = new Map<number, Exchange>();
  readonly subscribed = new Set<string>();
  link: SimulatedLink | undefined;
  connected = false;
  /** Stays away while false. */
  wanted = true;
  readonly #world: ClientWorld;
  readonly #receivedQoS2 = new Set<number>();
  readonly #subscribing = new Map<number, readonly string[]>();
  #nextAckAtMs = 0;
  #hasSession = false;

  constructor(profile: ClientProfile, world: ClientWorld) {
    this.profile = profile;
    this.#world = world;
  }

  /** A new connection; one that is open is not closed first, which makes it a take-over. */
  connect(): void {
    const link = this.#world.dial(this);
    if (link === undefined) {
      this.#comeBackLater();
      return;
    }
    this.link = link;
    this.connected = false;
    link.fromClient(this.#connectPacket());
  }

  disconnect(): void {
    if (this.link === undefined || !this.connected) return;
    this.link.fromClient({ type: 'disconnect', reasonCode: 0, sessionExpiryS: undefined });
    this.connected = false;
  }

  publish(): void {
    const { topics } = this.profile;
    const choice = topics[Math.floor(this.#world.random() * topics.length)];
    if (choice === undefined || !this.connected || this.exchanges.size >= EXCHANGES_MAX) return;
    const { tenant, clientId } = this.profile;
    const message = this.#world.ledger.publish(tenant, clientId, choice.topic, choice.qos, this.#nowMs());
    if (choice.qos === 0) {
      this.#send(publishPacket(message, 0, false, choice.retain));
      return;
    }
    let packetId = 1;
    while (this.exchanges.has(packetId)) packetId++;
    this.exchanges.set(packetId, { message, packetId, retain: choice.retain, stage: 'publish' });
    this.#send(publishPacket(message, packetId, false, choice.retain));
  }

  subscribeAll(): void {
    const missing = this.profile.filters.filter(({ filter }) => !this.subscribed.has(filter));
    if (missing.length === 0 || this.#subscribing.size > 0) return;
    const packetId = 60_000;
    this.#subscribing.set(
      packetId,
      missing.map(({ filter }) => filter),
    );
    const requests = missing.map(({ filter, group, qos }) => ({
      filter: group === undefined ? filter : `$share/${group}/${filter}`,
      qos,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 2 as const,
    }));
    this.#send({ type: 'subscribe', packetId, requests, subscriptionId: undefined, userProperties: [] });
  }

  unsubscribe(filter: string): void {
    const { tenant, clientId } = this.profile;
    if (!this.connected || !this.subscribed.delete(filter)) return;
    this.#world.ledger.unsubscribing(tenant, clientId, filter, this.#nowMs());
    this.#send({ type: 'unsubscribe', packetId: 60_001, filters: [filter], userProperties: [] });
  }

  /** A packet came in on `link`. */
  receive(link: SimulatedLink, packet: Received): void {
    if (link !== this.link) return;
    switch (packet.type) {
      case 'connack':
        if (packet.reasonCode === 0) this.#onConnected(packet.sessionPresent);
        return;
      case 'publish':
        this.#onPublish(link, packet);
        return;
      case 'puback':
        this.#finish(packet.packetId, 'publish', packet.reasonCode);
        return;
      case 'pubrec':
        this.#onPubrec(packet.packetId, packet.reasonCode);
        return;
      case 'pubcomp':
        this.#finish(packet.packetId, 'release', 0);
        return;
      case 'pubrel':
        this.#receivedQoS2.delete(packet.packetId);
        this.#answer(link, { type: 'pubcomp', packetId: packet.packetId, reasonCode: 0 });
        return;
      case 'suback':
        this.#onSuback(packet.packetId, packet.reasonCodes);
        return;
      default:
        return;
    }
  }

  closed(link: SimulatedLink): void {
    if (link !== this.link) return;
    this.link = undefined;
    this.connected = false;
    this.#subscribing.clear();
    this.#comeBackLater();
  }

  #onConnected(sessionPresent: boolean): void {
    const { persistent, tenant, clientId } = this.profile;
    this.connected = true;
    this.#subscribing.clear();
    if (sessionPresent !== (persistent && this.#hasSession) && !(sessionPresent && persistent)) {
      this.#world.ledger.violations.push(`${tenant}/${clientId}: session present is ${sessionPresent}`);
    }
    this.#hasSession = true;
    if (!sessionPresent) {
      this.exchanges.clear();
      this.#receivedQoS2.clear();
      this.subscribed.clear();
    }
    const unfinished = [...this.exchanges.values()];
    if (this.profile.hasty === true) unfinished.reverse();
    for (const { message, packetId, retain, stage } of unfinished) {
      if (stage === 'publish') this.#send(publishPacket(message, packetId, true, retain));
      else this.#send({ type: 'pubrel', packetId, reasonCode: 0 });
    }
    this.subscribeAll();
  }

  #onPublish(link: SimulatedLink, packet: Extract<Received, { type: 'publish' }>): void {
    const { packetId, qos, message } = packet;
    const { tenant, clientId } = this.profile;
    if (qos === 2 && this.#receivedQoS2.has(packetId)) {
      this.#answer(link, { type: 'pubrec', packetId, reasonCode: 0 });
      return;
    }
    this.#world.ledger.deliver(tenant, clientId, message.payload.toString(), qos);
    if (qos === 2) this.#receivedQoS2.add(packetId);
    if (qos > 0) this.#answer(link, { type: qos === 1 ? 'puback' : 'pubrec', packetId, reasonCode: 0 });
  }

  #onPubrec(packetId: number, reasonCode: number): void {
    const exchange = this.exchanges.get(packetId);
    if (exchange === undefined) return;
    if (reasonCode >= 0x80) {
      this.exchanges.delete(packetId);
      return;
    }
    exchange.stage = 'release';
    // What a transient session published is in the queues since PUBREC; there may be no later connection.
    if (!this.profile.persistent) exchange.message.acknowledgedAtMs ??= this.#nowMs();
    this.#send({ type: 'pubrel', packetId, reasonCode: 0 });
  }

  #finish(packetId: number, stage: Exchange['stage'], reasonCode: number): void {
    const exchange = this.exchanges.get(packetId);
    if (exchange?.stage !== stage) return;
    this.exchanges.delete(packetId);
    if (reasonCode < 0x80) exchange.message.acknowledgedAtMs ??= this.#nowMs();
  }

  #onSuback(packetId: number, reasonCodes: readonly number[]): void {
    const filters = this.#subscribing.get(packetId) ?? [];
    this.#subscribing.delete(packetId);
    const { tenant, clientId, persistent } = this.profile;
    for (const [index, filter] of filters.entries()) {
      const asked = this.profile.filters.find((each) => each.filter === filter);
      if (asked === undefined || (reasonCodes[index] ?? 0x80) >= 0x80) continue;
      this.subscribed.add(filter);
      if (!persistent) continue;
      const { group, qos } = asked;
      this.#world.ledger.subscribed({ tenant, client: clientId, filter, group, qos, fromMs: this.#nowMs() });
    }
  }

  /** Slow clients take their time, but keep the order [MQTT-4.6.0-2]. */
  #answer(link: SimulatedLink, packet: ClientPacket): void {
    const delayMs = this.#world.random() * this.profile.ackDelayMaxMs;
    this.#nextAckAtMs = Math.max(this.#nextAckAtMs, this.#nowMs() + delayMs);
    this.#world.time.after(this.#nextAckAtMs - this.#nowMs(), () => {
      if (link === this.link) link.fromClient(packet);
    });
  }

  #comeBackLater(): void {
    if (!this.wanted) return;
    this.#world.time.after(this.#world.random() * RECONNECT_MAX_MS, () => {
      if (this.link === undefined && this.wanted) this.connect();
    });
  }

  #connectPacket(): ConnectPacket {
    const { tenant, clientId, level, persistent, receiveMaximum } = this.profile;
    return {
      type: 'connect',
      level,
      clientId,
      cleanStart: !persistent,
      keepAliveS: 60,
      userName: `${tenant}/${clientId}`,
      password: undefined,
      will: this.#will(),
      sessionExpiryS: level === 5 && persistent ? 3600 : undefined,
      receiveMaximum: level === 5 ? receiveMaximum : 65_535,
      maximumPacketSize: undefined,
      topicAliasMaximum: 0,
      requestResponseInformation: false,
      requestProblemInformation: true,
      userProperties: [],
      authenticationMethod: undefined,
      authenticationData: undefined,
    };
  }

  #will(): WillPacket | undefined {
    const { willTopic, tenant, clientId } = this.profile;
    if (willTopic === undefined) return undefined;
    const message = this.#world.ledger.will(tenant, clientId, willTopic, 2, this.#nowMs());
    return {
      topic: willTopic,
      payload: Buffer.from(message.id),
      qos: 2,
      retain: false,
      delayS: 0,
      messageExpiryS: undefined,
      properties: NO_PROPERTIES,
    };
  }

  #send(packet: ClientPacket): void {
    this.link?.fromClient(packet);
  }

  #nowMs(): number {
    return this.#world.time.nowMs();
  }
}

function publishPacket(
  message: PublishedMessage,
  packetId: number,
  dup: boolean,
  retain: boolean,
): ClientPacket {
  return {
    type: 'publish',
    topic: message.topic,
    payload: Buffer.from(message.id),
    qos: message.qos,
    retain,
    dup,
    packetId,
    topicAlias: 0,
    messageExpiryS: undefined,
    properties: NO_PROPERTIES,
  };
}
