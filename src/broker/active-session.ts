/**
 * One session while its client is connected: what the packet handlers work on. Knows how to acknowledge and how
 * to end; what the packets mean stands in the handlers.
 */
import type { Principal } from '../auth/authenticator.ts';
import { OrderedAcks, type AckSlot } from '../mqtt/ordered-acks.ts';
import type { ProtocolLevel } from '../mqtt/packets.ts';
import { REASON, type ReasonCode } from '../mqtt/reason-code.ts';
import { InboundAliases } from '../mqtt/topic-aliases.ts';
import { wildcardLevels } from '../routing/filter-tree.ts';
import type { ClientQuota } from '../quota/client-quota.ts';
import type { Route, Subscriber } from '../routing/subscriber.ts';
import type { CloseReason, SessionOwner } from '../session/events.ts';
import type { ClientId, SessionId } from '../tenancy/identity.ts';
import type { TimerHandle } from '../time/clock.ts';
import { AskingBrake } from './asking-brake.ts';
import type { AckType, ClientLink } from './client-link.ts';
import type { DurableOutbound } from './durable-outbound.ts';
import type { HeldMessages } from './held-messages.ts';
import type { BrokerLimits } from './limits.ts';
import type { ReAuthentication } from './re-authentication.ts';
import type { Redirection } from './redirection.ts';
import type { PublishTicket, TicketOwner } from './publish-ticket.ts';
import type { TenantBroker } from './tenant-broker.ts';
import type { TransientOutbound } from './transient-outbound.ts';

export interface ActiveSessionOptions {
  readonly broker: TenantBroker;
  readonly link: ClientLink;
  readonly quota: ClientQuota;
  /** As they were told to the client in CONNACK. */
  readonly limits: BrokerLimits;
  readonly principal: Principal;
  /** undefined: CONNECT named no authentication method. */
  readonly reAuthentication: ReAuthentication | undefined;
  readonly level: ProtocolLevel;
  readonly clientId: ClientId;
  readonly sessionId: SessionId;
  /** CONNACK said that the session was there before. */
  readonly resumed: boolean;
  readonly owner: SessionOwner;
  readonly subscriber: Subscriber;
  readonly outbound: DurableOutbound | TransientOutbound;
  /** undefined: the session ends with its connection. */
  readonly held: HeldMessages | undefined;
  /** Of this CONNECT: MQTT 5 forbids DISCONNECT to raise it from 0. */
  readonly sessionExpiryS: number;
}

/** Longest delay that a timer takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** How the connection ended, decided once. */
interface Ending {
  readonly reason: CloseReason;
  readonly publishWill: boolean;
  readonly sessionExpiryS: number | undefined;
}

/** `isChanged`: the user was changed for sure. */
export interface Recheck {
  readonly isChanged: boolean;
}

interface DisconnectExtras {
  readonly serverReference?: string | undefined;
  /** Default: it is, as for any connection that does not end by the client's wish. */
  readonly publishWill?: boolean;
}

export class ActiveSession implements TicketOwner {
  readonly broker: TenantBroker;
  readonly link: ClientLink;
  readonly quota: ClientQuota;
  /** QoS 1 and 2 messages that the client may send without waiting. */
  readonly receiveMaximum: number;
  /** Replaced by re-authentication, and when its user is changed. */
  principal: Principal;
  /** Its user is being looked at again: see `recheckRights`. */
  recheck: Recheck | undefined;
  readonly reAuthentication: ReAuthentication | undefined;
  readonly level: ProtocolLevel;
  readonly clientId: ClientId;
  readonly sessionId: SessionId;
  readonly resumed: boolean;
  readonly owner: SessionOwner;
  readonly subscriber: Subscriber;
  readonly outbound: DurableOutbound | TransientOutbound;
  readonly held: HeldMessages | undefined;
  readonly sessionExpiryS: number;
  readonly acks: OrderedAcks;
  readonly aliases: InboundAliases;
  /** Subscriptions of a session that ends with its connection: they never enter the log. */
  readonly transientRoutes = new Map<string, Route>();
  /** Packet identifiers of QoS 2 messages between PUBREC and PUBREL, transient sessions only. */
  readonly qos2Ids = new Set<number>();
  #unacknowledged: number;
  readonly #asking: AskingBrake;
  /** Retained messages of one SUBSCRIBE are sent before those of the next. */
  #retained: Promise<void> = Promise.resolve();
  #isAcknowledged = false;
  #ended = false;
  #refusalLogged = false;
  #expiry: TimerHandle | undefined;
  #wildcardLevels: number | undefined;

  constructor(options: ActiveSessionOptions) {
    this.broker = options.broker;
    this.link = options.link;
    this.quota = options.quota;
    this.receiveMaximum = options.limits.receiveMaximum;
    this.principal = options.principal;
    this.reAuthentication = options.reAuthentication;
    this.level = options.level;
    this.clientId = options.clientId;
    this.sessionId = options.sessionId;
    this.resumed = options.resumed;
    this.owner = options.owner;
    this.subscriber = options.subscriber;
    this.outbound = options.outbound;
    this.held = options.held;
    this.sessionExpiryS = options.sessionExpiryS;
    this.#unacknowledged = options.held?.size ?? 0;
    this.acks = new OrderedAcks(this.#emitAck);
    this.#asking = new AskingBrake(options.link, options.level, options.limits);
    this.aliases = new InboundAliases(options.limits.topicAliasMaximum);
  }

  /** CONNACK has been sent. */
  acknowledged(): void {
    this.#isAcknowledged = true;
  }

  /** [MQTT-3.14.0-1] There is no DISCONNECT before CONNACK: a session that ends in between ends without a word. */
  get #mayBeTold(): boolean {
    return this.level === 5 && this.#isAcknowledged;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** QoS 1 and 2 PUBLISH packets of this client whose exchange is not over. */
  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  /** Filters of SUBSCRIBE packets under way that the session is not on record with yet. */
  get filtersUnderWay(): number {
    return this.#asking.filters;
  }

  /** Of all its filters: what they may cost every publish. */
  get wildcardLevels(): number {
    return (this.#wildcardLevels ??= this.#wildcardLevelsOnRecord());
  }

  countWildcardLevels(change: number): void {
    this.#wildcardLevels = this.wildcardLevels + change;
  }

  /** A PUBLISH with QoS 1 or 2 came in. */
  countPublish(): void {
    this.#unacknowledged++;
  }

  /** A packet came in that is answered in its turn. */
  reserveAck(type: AckType, packetId: number): AckSlot {
    const slot = this.acks.reserve(type, packetId);
    this.#asking.answersWait(this.acks.waiting);
    return slot;
  }

  /** A SUBSCRIBE or UNSUBSCRIBE waits for the event log; call what is returned when it is answered. */
  beginRequest(newFilters: number): () => void {
    return this.#asking.begin(newFilters);
  }

  /** SUBSCRIBE or UNSUBSCRIBE packets wait for the event log. */
  get hasRequests(): boolean {
    return this.#asking.hasRequests;
  }

  /** Runs `act` when all of them are answered; the client is read no further until then. */
  afterRequests(act: () => void): void {
    this.#asking.afterRequests(act);
  }

  publishSettled(ticket: PublishTicket): void {
    if (this.#ended) return;
    if (ticket.failed) {
      this.disconnect(REASON.serverBusy, 'storeUnavailable', 'the store did not answer in time');
      return;
    }
    if (ticket.reasonCode >= REASON.unspecifiedError && this.level < 5) {
      // MQTT 3 has no negative acknowledgement, and a positive one would be a lie.
      this.disconnect(ticket.reasonCode, 'quota', 'a message was refused');
      return;
    }
    this.broker.counters.acknowledgementLatency.observe(this.broker.clock.nowMs() - ticket.startedAtMs);
    this.completeAck(ticket.slot, ticket.reasonCode);
  }

  /** The acknowledgement may leave as soon as those before it have. Nothing after the end of the session. */
  completeAck(slot: AckSlot, reasonCode: number): void {
    if (!this.#ended) this.acks.complete(slot, reasonCode);
  }

  /** Runs `send` when the retained messages asked for before have been sent. */
  queueRetained(send: () => Promise<void>): void {
    this.#retained = this.#retained.then(send).catch((error: unknown) => {
      this.broker.services.onStoreError(error);
    });
  }

  /** In full for the first of a connection: whoever asks in a loop is to fill counters, not disks. */
  logRefusal(fields: Readonly<Record<string, unknown>>, message: string): void {
    const { log, tenant } = this.broker;
    const line = { tenant, clientId: this.clientId, ...fields };
    if (this.#refusalLogged) log.debug(line, message);
    else log.warn(line, `${message}; further ones of this connection at log level debug`);
    this.#refusalLogged = true;
  }

  /** Says why (MQTT 5), closes the connection, ends the session's time here. Once; later calls do nothing. */
  disconnect(
    reasonCode: ReasonCode,
    closeReason: CloseReason,
    detail: string,
    { serverReference, publishWill = true }: DisconnectExtras = {},
  ): void {
    if (this.#ended) return;
    this.broker.log.info(
      {
        tenant: this.broker.tenant,
        clientId: this.clientId,
        address: this.link.peer.address,
        closeReason,
        detail,
      },
      'disconnecting client',
    );
    if (this.#mayBeTold) {
      const reference = serverReference === undefined ? {} : { serverReference };
      this.link.send({ type: 'disconnect', reasonCode, reasonString: detail, ...reference });
    }
    this.end({ reason: closeReason, publishWill, sessionExpiryS: undefined });
    this.link.close();
  }

  /** Sends the client elsewhere. MQTT 3 has no words for it: the connection just ends. The will is as for any lost one. */
  redirect({ reasonCode, serverReference }: Redirection): void {
    this.disconnect(reasonCode, 'administrative', 'this broker serves the session no more', {
      serverReference,
    });
  }

  /** What the client proved itself with ends, and nothing it says is believed from then on. */
  endWithPrincipal(): void {
    const { expiresAtMs } = this.principal;
    if (expiresAtMs === undefined || this.#ended) return;
    const { clock, services } = this.broker;
    const leftMs = expiresAtMs - clock.nowMs();
    this.#expiry = services.timers.after(Math.max(0, Math.min(leftMs, TIMER_MAX_MS)), () => {
      if (leftMs > TIMER_MAX_MS) this.endWithPrincipal();
      else
        this.disconnect(
          REASON.maximumConnectTime,
          'administrative',
          'what the client logged in with has expired',
        );
    });
  }

  /** The log gave the session to another connection, or ended it. */
  ownershipLost(reasonCode: ReasonCode): void {
    if (this.#ended) return;
    if (this.#mayBeTold) this.link.send({ type: 'disconnect', reasonCode });
    this.end({ reason: 'takenOver', publishWill: false, sessionExpiryS: undefined });
    this.link.close();
  }

  /** Stops delivering and records the end of the connection. The link is closed by the caller. */
  end(ending: Ending): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#expiry?.cancel();
    this.quota.end();
    this.outbound.stop();
    this.broker.sessionLeft(this, ending);
  }

  #wildcardLevelsOnRecord(): number {
    let levels = 0;
    const { subscriptions } = this.broker.registry.get(this.clientId) ?? {};
    for (const filter of subscriptions?.keys() ?? []) levels += wildcardLevels(filter);
    return levels;
  }

  readonly #emitAck = (type: AckType, packetId: number, reasonCode: number): void => {
    this.#asking.answersWait(this.acks.waiting);
    if (type === 'pubrec' && reasonCode < REASON.unspecifiedError) {
      // The exchange goes on with PUBREL.
      this.link.sendAck(type, packetId, reasonCode);
      return;
    }
    if (type === 'pubrec') {
      this.qos2Ids.delete(packetId);
      this.held?.abandon(packetId);
    }
    this.link.sendAck(type, packetId, reasonCode);
    if (reasonCode !== REASON.packetIdentifierNotFound && this.#unacknowledged > 0) this.#unacknowledged--;
  };
}
