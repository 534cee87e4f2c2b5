/**
 * One client connection from its first byte to its end: CONNECT first and once, then every packet to its
 * handler, violations answered as the protocol level allows.
 */
import type { ClientPacket } from '../mqtt/packets.ts';
import { ProtocolViolation, REASON, reasonName } from '../mqtt/reason-code.ts';
import type { ActiveSession } from './active-session.ts';
import type { Broker } from './broker.ts';
import type { ClientLink, LinkHandler } from './client-link.ts';
import { ConnectExchange } from './handlers/connect.ts';
import { handlePacket } from './dispatch.ts';

export class ClientConnection implements LinkHandler {
  readonly #broker: Broker;
  readonly #link: ClientLink;
  #connecting: ConnectExchange | undefined;
  #session: ActiveSession | undefined;
  #closed = false;

  constructor(broker: Broker, link: ClientLink) {
    this.#broker = broker;
    this.#link = link;
  }

  onPacket(packet: ClientPacket): void {
    if (this.#closed) return;
    const session = this.#session;
    session?.quota.received(packet.type === 'publish');
    if (session?.hasRequests === true && publishes(packet)) {
      session.afterRequests(() => {
        this.#handle(packet);
      });
    } else {
      this.#handle(packet);
    }
  }

  onDrain(): void {
    this.#session?.outbound.onDrain();
  }

  onViolation(violation: ProtocolViolation): void {
    const { log } = this.#broker.services;
    const { address } = this.#link.peer;
    const reason = reasonName(violation.reasonCode);
    if (this.#session !== undefined) {
      const { clientId, broker } = this.#session;
      const { tenant } = broker;
      broker.counters.protocolViolations++;
      if (violation.reasonCode === REASON.packetTooLarge)
        broker.quota.exceeded('client.packetBytesMax', clientId);
      log.warn({ tenant, clientId, address, reason, detail: violation.message }, 'protocol violation');
      this.#session.disconnect(violation.reasonCode, 'protocolError', violation.message);
      return;
    }
    // Nobody's yet, so the first tenant counts it, as it counts refusals.
    const [first] = this.#broker.tenants();
    if (first !== undefined) first.counters.protocolViolations++;
    log.warn({ address, reason, detail: violation.message }, 'protocol violation before CONNACK');
    if (this.#connecting === undefined) this.#refuseConnect(violation);
    else this.#connecting.refuse(violation.reasonCode, violation.message);
    this.#link.close();
  }

  onKeepAliveTimeout(): void {
    if (this.#session === undefined) {
      this.#link.close();
      return;
    }
    this.#session.broker.counters.keepAliveTimeouts++;
    this.#session.disconnect(
      REASON.keepAliveTimeout,
      'keepAliveTimeout',
      'nothing heard for 1.5 times the keep alive',
    );
  }

  onClosed(): void {
    this.#closed = true;
    this.#connecting?.abandon();
    this.#broker.services.brake.forget(this.#link);
    this.#session?.end({ reason: 'connectionLost', publishWill: true, sessionExpiryS: undefined });
  }

  #handle(packet: ClientPacket): void {
    try {
      if (this.#session !== undefined) {
        if (!this.#session.hasEnded) handlePacket(this.#session, packet);
      } else if (this.#connecting !== undefined) {
        this.#connecting.onPacket(packet);
      } else {
        this.#begin(packet);
      }
    } catch (error) {
      if (error instanceof ProtocolViolation) this.onViolation(error);
      else throw error;
    }
  }

  /** A CONNECT that cannot be read is answered in its own format, MQTT 3 only when its version is the reason. */
  #refuseConnect({ reasonCode, message, connectLevel }: ProtocolViolation): void {
    const isUnknownVersion = reasonCode === REASON.unsupportedProtocolVersion;
    if (connectLevel !== 5 && !isUnknownVersion) return;
    this.#link.configure({
      // [MQTT-3.1.2-2] in the oldest format, which every client can read.
      level: isUnknownVersion ? 4 : 5,
      keepAliveS: 0,
      maximumPacketSize: undefined,
      topicAliasMaximum: 0,
      problemInformation: true,
    });
    const properties = { reasonString: message };
    this.#link.send({ type: 'connack', sessionPresent: false, reasonCode, properties });
  }

  #begin(packet: ClientPacket): void {
    if (packet.type !== 'connect') {
      // [MQTT-3.1.0-1]
      throw new ProtocolViolation(
        REASON.protocolError,
        `the first packet was ${packet.type.toUpperCase()}, not CONNECT`,
      );
    }
    this.#connecting = new ConnectExchange(this.#broker, this.#link, packet, (session) => {
      this.#session = session;
      this.#connecting = undefined;
    });
    this.#connecting.start();
  }
}

/** PUBREL lets go what PUBLISH with QoS 2 brought. */
function publishes({ type }: ClientPacket): boolean {
  return type === 'publish' || type === 'pubrel';
}
