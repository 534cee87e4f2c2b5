/**
 * A connection between one broker and one scripted client: packets take time in both directions and keep their
 * order, a slow client fills the outbox, and a cut loses whatever is on its way.
 */
import type { LinkHandler, PauseReason, PeerAddress } from '../../src/broker/client-link.ts';
import type { AckType, ClientLink, Delivery, LinkOptions } from '../../src/broker/client-link.ts';
import type { ClientPacket, ServerPacket } from '../../src/mqtt/packets.ts';
import { messageBytes } from '../../src/queue/message.ts';
import type { ProcessLife } from './simulated-stores.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** What a client receives. */
export type Received =
  | ServerPacket
  | { readonly type: AckType; readonly packetId: number; readonly reasonCode: number }
  | ({ readonly type: 'publish' } & Delivery);

/** Sees every packet at the moment the broker sends it. */
export type SendWitness = (link: SimulatedLink, packet: Received) => void;

export interface SimulatedLinkOptions {
  readonly name: string;
  readonly time: SimulatedTime;
  readonly life: ProcessLife;
  /** Time on the way of one packet, one direction. */
  readonly latencyMs: () => number;
  readonly outboxBytesHigh: number;
  readonly witness: SendWitness;
  readonly onReceived: (packet: Received) => void;
  /** The client notices that the connection is gone. */
  readonly onClosed: () => void;
}

const ACK_BYTES = 4;

export class SimulatedLink implements ClientLink {
  readonly peer: PeerAddress = {
    transport: 'tcp',
    address: '127.0.0.1',
    port: 1883,
    certificateName: undefined,
  };
  readonly name: string;
  outboxBytes = 0;
  bytesReceived = 0;
  bytesSent = 0;
  options: LinkOptions | undefined;
  readonly #options: SimulatedLinkOptions;
  #handler: LinkHandler | undefined;
  readonly #pauses = new Set<PauseReason>();
  readonly #unread: ClientPacket[] = [];
  #toBrokerAtMs = 0;
  #toClientAtMs = 0;
  #closing = false;
  #closed = false;
  #wasHigh = false;

  constructor(options: SimulatedLinkOptions) {
    this.#options = options;
    this.name = options.name;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler;
  }

  configure(options: LinkOptions): void {
    this.options = options;
  }

  limitPackets(): void {
    // Packets come whole and have no size here.
  }

  send(packet: ServerPacket): void {
    this.#toClient(packet, ACK_BYTES);
  }

  sendAck(type: AckType, packetId: number, reasonCode: number): void {
    this.#toClient({ type, packetId, reasonCode }, ACK_BYTES);
  }

  sendPublish(delivery: Delivery): boolean {
    this.#toClient({ type: 'publish', ...delivery }, messageBytes(delivery.message));
    return true;
  }

  pauseReading(reason: PauseReason): void {
    this.#pauses.add(reason);
  }

  resumeReading(reason: PauseReason): void {
    this.#pauses.delete(reason);
    this.#options.time.endOfTurn(() => {
      this.#read();
    });
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    const delayMs = Math.max(0, this.#toClientAtMs - this.#options.time.nowMs());
    this.#options.time.after(delayMs, () => {
      this.cut();
    });
  }

  /** The client sends a packet. */
  fromClient(packet: ClientPacket): void {
    if (this.#closed) return;
    const { time, latencyMs } = this.#options;
    this.#toBrokerAtMs = Math.max(this.#toBrokerAtMs, time.nowMs() + latencyMs());
    time.after(this.#toBrokerAtMs - time.nowMs(), () => {
      if (this.#closed) return;
      this.#unread.push(packet);
      this.#read();
    });
  }

  /** Both ends are gone, now; what is under way is lost. */
  cut(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { life, onClosed } = this.#options;
    if (life.alive) this.#handler?.onClosed('client');
    onClosed();
  }

  #read(): void {
    while (this.#pauses.size === 0 && !this.#closed && !this.#closing && this.#options.life.alive) {
      const packet = this.#unread.shift();
      if (packet === undefined) return;
      this.bytesReceived += packet.type === 'publish' ? packet.payload.length : ACK_BYTES;
      this.#handler?.onPacket(packet);
    }
  }

  #toClient(packet: Received, bytes: number): void {
    const { time, latencyMs, outboxBytesHigh, witness, life } = this.#options;
    if (this.#closed || this.#closing || !life.alive) return;
    witness(this, packet);
    this.outboxBytes += bytes;
    this.bytesSent += bytes;
    if (this.outboxBytes > outboxBytesHigh) this.#wasHigh = true;
    this.#toClientAtMs = Math.max(this.#toClientAtMs, time.nowMs() + latencyMs());
    time.after(this.#toClientAtMs - time.nowMs(), () => {
      if (this.#closed) return;
      this.outboxBytes -= bytes;
      this.#options.onReceived(packet);
      if (!this.#wasHigh || this.outboxBytes * 2 > outboxBytesHigh || !life.alive) return;
      this.#wasHigh = false;
      this.#handler?.onDrain();
    });
  }
}
