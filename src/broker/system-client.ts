/**
 * A client of the broker's own, in its process: a persistent session with one subscription, at QoS 1, that is opened, taken over, resumed and
 * recorded like that of any other client. It has no bytes and proves nothing to anybody; outside clients cannot use its identifier.
 */
import type { Principal } from '../auth/authenticator.ts';
import type { ClientPacket, ConnectPacket, ServerPacket } from '../mqtt/packets.ts';
import { REASON } from '../mqtt/reason-code.ts';
import { messageBytes } from '../queue/message.ts';
import { NEVER_EXPIRES_S } from '../session/events.ts';
import type { ClientId, SessionId, TenantId } from '../tenancy/identity.ts';
import type { ActiveSession } from './active-session.ts';
import type { Broker } from './broker.ts';
import type { AckType, ClientAddress, ClientLink, Delivery } from './client-link.ts';
import { ConnectRefused } from './connect-refused.ts';
import { handlePacket } from './dispatch.ts';
import type { BrokerLimits } from './limits.ts';
import { openSession } from './open-session.ts';
import type { TenantBroker } from './tenant-broker.ts';

export interface SystemClientOptions {
  readonly clientId: ClientId;
  readonly filter: string;
  /** May keep the message only as `detach` gives it. Answer with `done`, later and in this order. */
  readonly onMessage: (delivery: Delivery) => void;
  /** The session is another connection's, or the broker has ended this one. Nothing comes any more. */
  readonly onEnded: () => void;
}

/** Any will do: one packet is under way at a time. */
const PACKET_ID = 1;
const IN_FLIGHT_MAX = 65_535;

export class SystemClient implements ClientLink {
  readonly peer: ClientAddress = { address: '', port: 0, certificateName: undefined };
  readonly #options: SystemClientOptions;
  readonly #outboxBytesHigh: number;
  #session: ActiveSession | undefined;
  #bytes = 0;
  #hasEnded = false;
  #onAnswer: ((reasonCodes: readonly number[]) => void) | undefined;

  constructor(options: SystemClientOptions, { outboxBytesHigh }: Pick<BrokerLimits, 'outboxBytesHigh'>) {
    this.#options = options;
    this.#outboxBytesHigh = outboxBytesHigh;
  }

  /**
   * Once. Resolves when it is subscribed, everywhere, and gets its messages; rejects when the store is away or another broker has the session.
   */
  async open(broker: Broker, tenantBroker: TenantBroker): Promise<void> {
    const { clientId } = this.#options;
    const { session, startDelivery } = await openSession(broker, tenantBroker, {
      link: this,
      packet: connectPacket(clientId),
      clientId,
      principal: principal(tenantBroker.tenant),
      reAuthentication: undefined,
      sessionExpiryS: NEVER_EXPIRES_S,
      limits: tenantBroker.limits,
      isGone: () => this.#hasEnded,
    });
    this.#session = session;
    tenantBroker.connected(session);
    try {
      await this.#subscribe(session);
      await startDelivery();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** undefined: not open. */
  get sessionId(): SessionId | undefined {
    return this.#session?.sessionId;
  }

  /** Somebody else is answerable for the message now: its position in the queue is given up. */
  done({ message, qos, packetId }: Delivery): void {
    if (this.#hasEnded || this.#session === undefined) return;
    const wasHigh = this.#bytes >= this.#outboxBytesHigh;
    this.#bytes -= messageBytes(message);
    if (qos > 0) handlePacket(this.#session, { type: 'puback', packetId, reasonCode: REASON.success });
    if (wasHigh && this.#bytes < this.#outboxBytesHigh) this.#session.outbound.onDrain();
  }

  /** As a client that disconnects: what it did not answer stays in the queue. */
  end(): void {
    if (this.#hasEnded) return;
    if (this.#session === undefined) {
      this.close();
      return;
    }
    handlePacket(this.#session, {
      type: 'disconnect',
      reasonCode: REASON.success,
      sessionExpiryS: undefined,
    });
  }

  // --- ClientLink: what the broker asks for

  /** None cross a wire: rates of bytes do not count for it. */
  readonly bytesReceived = 0;
  readonly bytesSent = 0;

  configure(): void {
    // It takes everything.
  }

  limitPackets(): void {
    // It sends nothing that could be large.
  }

  send(packet: ServerPacket): void {
    if (packet.type === 'suback' || packet.type === 'unsuback') this.#onAnswer?.(packet.reasonCodes);
  }

  sendAck(type: AckType): void {
    throw new Error(`system-client: ${type} to a client that has QoS 1 at most and publishes nothing`);
  }

  sendPublish(delivery: Delivery): boolean {
    this.#bytes += messageBytes(delivery.message);
    this.#options.onMessage(delivery);
    return true;
  }

  get outboxBytes(): number {
    return this.#bytes;
  }

  pauseReading(): void {
    // It sends nothing but answers, and those give back what they answer.
  }

  resumeReading(): void {
    // See above.
  }

  close(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onAnswer?.([]);
    this.#options.onEnded();
  }

  /** What it was subscribed to before goes, if that was something else. */
  async #subscribe(session: ActiveSession): Promise<void> {
    const { filter } = this.#options;
    const entry = session.broker.registry.get(session.clientId);
    const others = [...(entry?.subscriptions.keys() ?? [])].filter((other) => other !== filter);
    if (others.length > 0) {
      await this.#ask(session, {
        type: 'unsubscribe',
        packetId: PACKET_ID,
        filters: others,
        userProperties: [],
      });
    }
    const request = { filter, qos: 1, noLocal: false, retainAsPublished: true, retainHandling: 2 } as const;
    const [reasonCode = REASON.serverUnavailable] = await this.#ask(session, {
      type: 'subscribe',
      packetId: PACKET_ID,
      requests: [request],
      subscriptionId: undefined,
      userProperties: [],
    });
    if (reasonCode >= REASON.unspecifiedError)
      throw new ConnectRefused(REASON.unspecifiedError, `the filter ${filter} was refused (${reasonCode})`);
  }

  /** Resolves with no reason code when the session ended meanwhile. */
  #ask(session: ActiveSession, packet: ClientPacket): Promise<readonly number[]> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
      if (this.#hasEnded) resolve([]);
      else handlePacket(session, packet);
    });
  }
}

function connectPacket(clientId: ClientId): ConnectPacket {
  return {
    type: 'connect',
    level: 5,
    clientId,
    cleanStart: false,
    keepAliveS: 0,
    userName: undefined,
    password: undefined,
    will: undefined,
    sessionExpiryS: NEVER_EXPIRES_S,
    receiveMaximum: IN_FLIGHT_MAX,
    maximumPacketSize: undefined,
    topicAliasMaximum: 0,
    requestResponseInformation: false,
    requestProblemInformation: true,
    userProperties: [],
    authenticationMethod: undefined,
    authenticationData: undefined,
  };
}

/** What it may do is what the configuration says of it. */
function principal(tenant: TenantId): Principal {
  const itself: Principal = {
    tenant,
    clientName: '$bridge',
    verified: true,
    lookAgain: () => Promise.resolve(itself),
    mayPublish: () => false,
    maySubscribe: () => true,
  };
  return itself;
}
