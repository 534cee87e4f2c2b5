/**
 * The smallest broker that can stand behind a transport: accepts every CONNECT, sends every PUBLISH back to its
 * sender, acknowledges QoS 1, answers pings. Keeps what it was told, for tests to await and compare.
 */
import type {
  AcceptLink,
  ClientLink,
  CloseCause,
  Delivery,
  LinkHandler,
  LinkOptions,
} from '../../../src/broker/client-link.ts';
import type { ClientPacket, ConnectPacket, PublishPacket } from '../../../src/mqtt/packets.ts';
import { REASON, type ProtocolViolation } from '../../../src/mqtt/reason-code.ts';
import { NO_PROPERTIES } from '../../../src/queue/message.ts';
import { SystemClock, SystemTimers } from '../../../src/transport/system-time.ts';
import { TransportServer, type TransportOptions } from '../../../src/transport/transport-server.ts';
import type { ListenerAddress } from '../../../src/transport/listener.ts';

export const TEST_LIMITS: TransportOptions['limits'] = {
  packetBytesMax: 1_048_576,
  connectTimeoutMs: 10_000,
  connectionsMax: 20_000,
  connectionRateMax: 20_000,
  connectionsPerAddressMax: 0,
  outboxBytesHigh: 262_144,
  stallTimeoutMs: 300_000,
};

export class EchoLink implements LinkHandler {
  readonly link: ClientLink;
  readonly packets: ClientPacket[] = [];
  readonly violations: ProtocolViolation[] = [];
  readonly closed: CloseCause[] = [];
  drains = 0;
  keepAliveTimeouts = 0;
  /** Runs before the echo; false: nothing is answered. */
  before: (packet: ClientPacket) => boolean = () => true;
  readonly #changed: (() => void)[] = [];

  constructor(link: ClientLink) {
    this.link = link;
  }

  onPacket(packet: ClientPacket): void {
    this.packets.push(
      packet.type === 'publish' ? { ...packet, payload: Buffer.from(packet.payload) } : packet,
    );
    if (this.before(packet)) this.#answer(packet);
    this.#wake();
  }

  onDrain(): void {
    this.drains++;
    this.#wake();
  }

  onViolation(violation: ProtocolViolation): void {
    this.violations.push(violation);
    this.link.send({ type: 'disconnect', reasonCode: violation.reasonCode, reasonString: violation.message });
    this.link.close();
    this.#wake();
  }

  onKeepAliveTimeout(): void {
    this.keepAliveTimeouts++;
    this.link.send({ type: 'disconnect', reasonCode: REASON.keepAliveTimeout });
    this.link.close();
    this.#wake();
  }

  onClosed(cause: CloseCause): void {
    this.closed.push(cause);
    this.#wake();
  }

  /** Resolves when the condition holds; the test's own deadline is the bound. */
  async until(condition: (link: EchoLink) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }

  #answer(packet: ClientPacket): void {
    switch (packet.type) {
      case 'connect':
        this.link.configure(optionsOf(packet));
        this.link.send({ type: 'connack', sessionPresent: false, reasonCode: REASON.success });
        return;
      case 'publish':
        if (packet.qos === 1) this.link.sendAck('puback', packet.packetId, REASON.success);
        this.link.sendPublish(echoOf(packet), Date.now());
        return;
      case 'pingreq':
        this.link.send({ type: 'pingresp' });
        return;
      case 'disconnect':
        this.link.close();
        return;
      default:
        return;
    }
  }
}

function optionsOf(packet: ConnectPacket): LinkOptions {
  return {
    level: packet.level,
    keepAliveS: packet.keepAliveS,
    maximumPacketSize: packet.maximumPacketSize,
    topicAliasMaximum: packet.topicAliasMaximum,
    problemInformation: packet.requestProblemInformation,
  };
}

function echoOf(packet: PublishPacket): Delivery {
  return delivery(packet.topic, packet.payload);
}

/** A QoS 0 delivery that never expires. */
export function delivery(topic: string, payload: Buffer, expiresAtMs?: number): Delivery {
  return {
    message: {
      topic,
      payload,
      qos: 0,
      retain: false,
      properties: NO_PROPERTIES,
      publishedAtMs: 0,
      expiresAtMs,
      publisher: '',
    },
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
    subscriptionIds: undefined,
  };
}

export interface EchoBroker {
  readonly server: TransportServer;
  readonly addresses: readonly ListenerAddress[];
  /** Of the first listener. */
  readonly port: number;
  /** In order of acceptance. */
  readonly links: readonly EchoLink[];
  /** Resolves with the link number `index` (0 is the first) once it was accepted. */
  link(index: number): Promise<EchoLink>;
}

/** One tcp listener on an ephemeral port unless the options say otherwise. */
export async function startEchoBroker(options: Partial<TransportOptions> = {}): Promise<EchoBroker> {
  const links: EchoLink[] = [];
  const waiting: (() => void)[] = [];
  const accept: AcceptLink = (link) => {
    const echo = new EchoLink(link);
    links.push(echo);
    for (const resolve of waiting.splice(0)) resolve();
    return echo;
  };
  const server = new TransportServer({
    listeners: [{ transport: 'tcp', port: 0 }],
    limits: TEST_LIMITS,
    clock: new SystemClock(),
    timers: new SystemTimers(),
    accept,
    ...options,
  });
  const addresses = await server.listen();
  return {
    server,
    addresses,
    port: addresses[0]?.port ?? 0,
    links,
    link: async (index) => {
      for (;;) {
        const found = links[index];
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}
