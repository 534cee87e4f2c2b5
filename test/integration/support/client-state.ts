/** The session state of a client, as the standard has it keep that over its connections; it sends nothing by itself. */
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { QoS2Inbox } from '../../crash/support/qos2-inbox.ts';

interface Publishing {
  readonly packet: IPublishPacket;
  /** PUBREC has come: from now on PUBREL is what is sent again. */
  received: boolean;
}

export class ClientState {
  /** Payloads, in their order. */
  readonly taken: string[] = [];
  /** Payloads of what was acknowledged for good: PUBACK, PUBCOMP. */
  readonly acknowledged = new Set<string>();
  /** What the broker did against the standard, in words. */
  readonly problems: string[] = [];
  #inbox = new QoS2Inbox();
  readonly #unreleased = new Set<number>();
  readonly #publishing = new Map<number, Publishing>();

  /** No exchange has begun that has not come to its end. */
  get isIdle(): boolean {
    return this.#publishing.size === 0 && this.#unreleased.size === 0;
  }

  /** The client sends it for the first time. */
  publishes(packet: IPublishPacket): IPublishPacket {
    if (packet.qos > 0) this.#publishing.set(packet.messageId ?? 0, { packet, received: false });
    return packet;
  }

  /** Returns what a client answers. */
  receives(packet: Packet): Packet | undefined {
    const messageId = 'messageId' in packet ? (packet.messageId ?? 0) : 0;
    switch (packet.cmd) {
      case 'publish':
        return this.#takes(packet, messageId);
      case 'pubrel':
        this.#inbox.release(messageId);
        this.#unreleased.delete(messageId);
        return { cmd: 'pubcomp', messageId };
      case 'pubrec':
        return this.#isReceived(messageId);
      case 'puback':
      case 'pubcomp':
        this.#isAcknowledged(messageId, packet.reasonCode ?? 0);
        return undefined;
      default:
        this.problems.push(`unexpected ${packet.cmd}`);
        return undefined;
    }
  }

  /** [MQTT-4.4.0-1] What a connection begins with that resumes the session. */
  repeats(): Packet[] {
    return Array.from(this.#publishing, ([messageId, { packet, received }]) =>
      received ? { cmd: 'pubrel', messageId } : { ...packet, dup: true },
    );
  }

  /** The session before is gone. */
  forgets(): void {
    this.#publishing.clear();
    this.#unreleased.clear();
    this.#inbox = new QoS2Inbox();
  }

  #takes({ payload, qos, dup }: IPublishPacket, messageId: number): Packet | undefined {
    const text = payload.toString();
    if (qos < 2) {
      this.taken.push(text);
      return qos === 0 ? undefined : { cmd: 'puback', messageId };
    }
    const arrival = this.#inbox.accept(messageId, text, dup);
    if (arrival === 'new') this.taken.push(text);
    else if (arrival !== 'repeated') this.problems.push(arrival);
    this.#unreleased.add(messageId);
    return { cmd: 'pubrec', messageId };
  }

  #isReceived(messageId: number): Packet {
    const publishing = this.#publishing.get(messageId);
    if (publishing !== undefined) publishing.received = true;
    return { cmd: 'pubrel', messageId };
  }

  #isAcknowledged(messageId: number, reasonCode: number): void {
    const publishing = this.#publishing.get(messageId);
    if (publishing === undefined) return;
    this.#publishing.delete(messageId);
    // "Packet identifier not found" answers a PUBREL that is repeated after the message was released: no error.
    if (reasonCode < 0x80 || publishing.received) this.acknowledged.add(publishing.packet.payload.toString());
  }
}
