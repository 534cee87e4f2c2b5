/**
 * One client connection: bytes in, packets to the handler; packets from the broker, bytes out. Keeps the order of
 * both, enforces size limit and deadlines, and never lets what a peer does throw into the process. What packets
 * mean is the handler's business.
 */
import type {
  AcceptLink,
  ClientLink,
  CloseCause,
  Delivery,
  LinkHandler,
  LinkOptions,
  PauseReason,
  PeerAddress,
} from '../broker/client-link.ts';
import { decodePacket } from '../mqtt/decode-packet.ts';
import { encodeAck } from '../mqtt/encode-ack.ts';
import { encodePacket } from '../mqtt/encode-packet.ts';
import { FrameReader } from '../mqtt/frame-reader.ts';
import type { AckPacket, ProtocolLevel, ServerPacket } from '../mqtt/packets.ts';
import { ProtocolViolation, type ReasonCode } from '../mqtt/reason-code.ts';
import type { ByteStream, ByteStreamListener } from './byte-stream.ts';
import type { ConnectionContext } from './connection-context.ts';
import { Watched } from './deadline-wheel.ts';
import { Outbox } from './outbox.ts';
import { PublishEncoder } from './publish-encoder.ts';
import { Stall } from './stall.ts';
import type { TurnMember } from './turn-queue.ts';

/** How long a peer may take to receive the last bytes and to end its side. */
export const LINGER_MS = 5_000;

/**
 * The broker sends nothing new above the high-water mark; only answers to what the client goes on asking can take
 * the outbox to this multiple of it. Then the client is not read any more until it reads.
 */
const ASKING_BOUND_FACTOR = 2;

/** What may wait for a socket without it counting as stalled: not worth a deadline. */
const STALL_BYTES_MIN = 16_384;

/** A client has this many keep-alives to be heard of [MQTT-3.1.2-22]. */
const KEEP_ALIVE_FACTOR = 1.5;

/** Why reading stopped, as bits; `outbox` is transport's own. */
const PAUSE_BIT: Readonly<Record<PauseReason | 'outbox', number>> = {
  store: 1,
  quota: 2,
  handshake: 4,
  acks: 8,
  outbox: 16,
  requests: 32,
  leaving: 64,
};

/**
 * open: packets are decoded. violated: nothing is decoded any more, answers may still be sent. ending: the last
 * bytes are on their way. gone: the stream is closed.
 */
type Phase = 'open' | 'violated' | 'ending' | 'gone';

export class Connection extends Watched implements ClientLink, ByteStreamListener, TurnMember {
  readonly peer: PeerAddress;
  bytesReceived = 0;
  readonly #context: ConnectionContext;
  readonly #stream: ByteStream;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #handler: LinkHandler;
  #phase: Phase = 'open';
  /** Of the CONNECT packet; undefined before it. */
  #level: ProtocolLevel | undefined;
  /** undefined until the broker has configured the link. */
  #options: LinkOptions | undefined;
  #encoder: PublishEncoder | undefined;
  #pauses = 0;
  /** Received while paused and not decoded yet. */
  #unread: Buffer[] | undefined;
  #decodesLater = false;
  #flushesLater = false;
  #aboveHighWater = false;
  /** While much waits. */
  #stall: Stall | undefined;
  /** Why the connection ends. While `open`: told once everything received before has been decoded. */
  #closeCause: CloseCause | undefined;
  #toldClosed = false;
  #streamClosed = false;

  readonly #onFrame = (frame: Buffer, bodyOffset: number): void => {
    const packet = decodePacket(frame, bodyOffset, this.#level);
    this.bytesReceived += frame.length;
    this.heardTick = this.#context.wheel.tick;
    if (packet.type === 'connect') this.#level = packet.level;
    if (!this.#context.mayServe()) {
      this.destroy();
      return;
    }
    this.#handler.onPacket(packet);
    if (!this.#mayDecode) this.#reader.stop();
  };

  /**
   * Calls `accept` for the handler, then begins to read. `acceptedTick`: from when on the time for CONNECT counts;
   * handshakes have taken some of it.
   */
  constructor(
    stream: ByteStream,
    peer: PeerAddress,
    context: ConnectionContext,
    accept: AcceptLink,
    acceptedTick: number = context.wheel.tick,
  ) {
    super();
    this.peer = peer;
    this.#stream = stream;
    this.#context = context;
    this.#reader = new FrameReader(context.limits.packetBytesMax);
    this.#outbox = new Outbox(context.chunks);
    context.traffic.connections[peer.transport]++;
    context.wheel.watch(this, context.limits.connectTimeoutMs, acceptedTick);
    this.#handler = accept(this);
    stream.attach(this);
  }

  // --- ClientLink: what the broker asks for

  configure(options: LinkOptions): void {
    this.#options = options;
    this.#encoder = new PublishEncoder(options);
    if (this.#phase === 'open') this.#watchKeepAlive(options.keepAliveS);
  }

  limitPackets(bytesMax: number): void {
    this.#reader.packetBytesMax = bytesMax;
  }

  send(packet: ServerPacket): void {
    if (!this.#maySend) return;
    this.#outbox.append(encodePacket(packet, this.#options ?? unconfigured(this.#level)));
    this.#sent();
  }

  sendAck(type: AckPacket['type'], packetId: number, reasonCode: ReasonCode): void {
    if (!this.#maySend) return;
    encodeAck(this.#outbox, this.#options?.level ?? 4, type, packetId, reasonCode);
    this.#sent();
  }

  sendPublish(delivery: Delivery, nowMs: number): boolean {
    if (!this.#maySend) return true;
    if (this.#encoder === undefined) throw new Error('PUBLISH on a link that was not configured');
    if (!this.#encoder.encode(this.#outbox, delivery, nowMs)) return false;
    this.#sent();
    return true;
  }

  get outboxBytes(): number {
    return this.#outbox.bytes;
  }

  get bytesSent(): number {
    return this.#outbox.bytesSoFar;
  }

  pauseReading(reason: PauseReason): void {
    this.#pause(PAUSE_BIT[reason]);
  }

  resumeReading(reason: PauseReason): void {
    this.#resume(PAUSE_BIT[reason]);
  }

  close(): void {
    this.#end('broker');
  }

  /** Drops the connection at once, unsent bytes and all. */
  destroy(): void {
    this.#closeCause ??= 'broker';
    this.#stream.destroy();
  }

  // --- ByteStreamListener: what the stream tells

  onBytes(chunk: Buffer): void {
    this.#context.traffic.bytesIn += chunk.length;
    if (this.#phase !== 'open' || this.#closeCause !== undefined) return;
    if (this.#unread !== undefined) this.#unread.push(chunk);
    else if (this.#pauses !== 0) this.#unread = [chunk];
    else this.#decode(chunk);
  }

  onWritten(): void {
    if (!this.#outbox.settle(this.#stream)) return;
    this.#endStall();
    if (!this.#maySend) return;
    // The socket took all it had: a client that is not read because it did not read has shown life.
    if (this.#pauses === PAUSE_BIT.outbox) this.heardTick = this.#context.wheel.tick;
    this.#write();
    if (this.#aboveHighWater && this.#outbox.bytes <= this.#context.limits.outboxBytesHigh / 2) {
      this.#aboveHighWater = false;
      this.#resume(PAUSE_BIT.outbox);
      this.#handler.onDrain();
    }
  }

  onEnd(): void {
    if (this.#unread === undefined) this.#end('client');
    else this.#closeCause ??= 'client';
  }

  onClosed(error: Error | undefined): void {
    this.#streamClosed = true;
    this.#context.traffic.connections[this.peer.transport]--;
    this.#context.wheel.unwatch(this);
    this.#endStall();
    this.#context.onGone(this);
    if (error === undefined && this.#phase === 'open' && this.#unread !== undefined) {
      this.#closeCause ??= 'client';
      return;
    }
    this.#closeCause ??= error === undefined ? 'client' : 'error';
    this.#goAway();
  }

  // --- TurnMember: what was put off to the end of the turn

  continueDecoding(): void {
    this.#decodesLater = false;
    while (this.#mayDecode && this.#unread !== undefined) {
      const chunk = this.#unread.shift();
      if (this.#unread.length === 0) this.#unread = undefined;
      if (chunk !== undefined) this.#decode(chunk);
    }
    if (!this.#mayDecode) return;
    if (this.#closeCause === undefined) this.#stream.resume();
    else this.#end(this.#closeCause);
  }

  flush(): void {
    this.#flushesLater = false;
    if (this.#phase !== 'gone') this.#write();
  }

  finish(): void {
    if (this.#phase === 'gone') return;
    if (!this.#context.mayServe()) {
      this.destroy();
      return;
    }
    const bytes = this.#outbox.flushLast(this.#stream);
    if (bytes > 0) this.#context.traffic.writes++;
    this.#context.traffic.bytesOut += bytes;
    this.#stream.end();
    // Unread bytes would make the system reset the connection, and the client lose our last words.
    this.#stream.resume();
    this.#tellClosed();
  }

  // --- Watched

  override onDeadline(): void {
    if (this.#phase === 'ending') {
      this.#stream.destroy();
    } else if (this.#options === undefined) {
      this.#context.traffic.connectTimeouts++;
      this.destroy();
    } else if ((this.#pauses & ~PAUSE_BIT.outbox) !== 0) {
      // Silent because it is not read: that is our doing.
      this.#watchKeepAlive(this.#options.keepAliveS);
    } else {
      this.#context.wheel.watch(this, LINGER_MS);
      this.#handler.onKeepAliveTimeout();
    }
  }

  #watchKeepAlive(keepAliveS: number): void {
    if (keepAliveS === 0) this.#context.wheel.unwatch(this);
    else this.#context.wheel.watch(this, keepAliveS * 1000 * KEEP_ALIVE_FACTOR);
  }

  get #mayDecode(): boolean {
    return this.#phase === 'open' && this.#pauses === 0;
  }

  get #maySend(): boolean {
    return this.#phase === 'open' || this.#phase === 'violated';
  }

  #decode(chunk: Buffer): void {
    try {
      const taken = this.#reader.push(chunk, this.#onFrame);
      if (taken < chunk.length && this.#phase === 'open') {
        (this.#unread ??= []).unshift(chunk.subarray(taken));
      }
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      if (this.#phase !== 'open') return;
      this.#phase = 'violated';
      this.#unread = undefined;
      this.#handler.onViolation(error);
    }
  }

  #pause(bit: number): void {
    if (this.#pauses === 0 && this.#phase === 'open') this.#stream.pause();
    this.#pauses |= bit;
  }

  #resume(bit: number): void {
    if ((this.#pauses & bit) === 0) return;
    this.#pauses &= ~bit;
    if (this.#pauses !== 0 || this.#phase !== 'open' || this.#decodesLater) return;
    this.#decodesLater = true;
    this.#context.turn.decodeLater(this);
  }

  #sent(): void {
    const waiting = this.#outbox.bytes;
    const high = this.#context.limits.outboxBytesHigh;
    if (waiting >= high) {
      this.#aboveHighWater = true;
      if (waiting >= ASKING_BOUND_FACTOR * high) this.#pause(PAUSE_BIT.outbox);
    }
    if (this.#flushesLater) return;
    this.#flushesLater = true;
    this.#context.turn.flushLater(this);
  }

  #write(): void {
    // Asked here too: an acknowledgement may have waited for its turn while this process was stopped.
    if (!this.#context.mayServe()) {
      this.destroy();
      return;
    }
    const bytes = this.#outbox.flush(this.#stream);
    if (bytes > 0) {
      this.#context.traffic.bytesOut += bytes;
      this.#context.traffic.writes++;
    }
    if (this.#stall === undefined && this.#outbox.bytes >= STALL_BYTES_MIN) this.#beginStall();
  }

  #beginStall(): void {
    const { wheel, limits, traffic } = this.#context;
    this.#stall = new Stall(() => {
      traffic.stalled++;
      this.destroy();
    });
    wheel.watch(this.#stall, limits.stallTimeoutMs);
  }

  #endStall(): void {
    if (this.#stall === undefined) return;
    this.#context.wheel.unwatch(this.#stall);
    this.#stall = undefined;
  }

  /** What was sent before still leaves; from here on bytes from the client are read and dropped. */
  #end(cause: CloseCause): void {
    if (!this.#maySend) return;
    this.#closeCause = cause;
    if (this.#streamClosed) {
      this.#goAway();
      return;
    }
    this.#phase = 'ending';
    this.#unread = undefined;
    this.#context.wheel.watch(this, LINGER_MS);
    this.#context.turn.finishLater(this);
  }

  #goAway(): void {
    this.#phase = 'gone';
    this.#unread = undefined;
    this.#outbox.discard();
    this.#tellClosed();
  }

  #tellClosed(): void {
    if (this.#toldClosed || this.#closeCause === undefined) return;
    this.#toldClosed = true;
    this.#handler.onClosed(this.#closeCause);
  }
}

/** How to encode an answer to a client whose CONNECT was refused before the link was configured. */
function unconfigured(level: ProtocolLevel | undefined) {
  return { level: level ?? 4, maximumPacketSize: undefined, problemInformation: true } as const;
}
