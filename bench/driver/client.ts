/**
 * One MQTT 3.1.1 connection of a driver, publisher or subscriber or both. It acknowledges what it receives within
 * milliseconds and counts the acknowledgements of what it sent; any protocol trouble ends it.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { AckBatch } from './ack-batch.ts';
import { FrameScanner } from './frame-scanner.ts';
import { monotonicMs } from './monotonic-clock.ts';
import {
  AckByte,
  DISCONNECT,
  encodeConnect,
  encodeSubscribe,
  PacketType,
  PINGREQ,
  type Qos,
} from './wire.ts';

/** `payloadAt` is valid only during the call. */
export type MessageHandler = (bytes: Buffer, payloadAt: number, nowMs: number) => void;
/** `count` publishes were acknowledged (PUBACK or PUBCOMP). */
export type AcknowledgementHandler = (count: number, nowMs: number) => void;

export interface ClientOptions {
  readonly port: number;
  readonly clientId: string;
  readonly cleanSession: boolean;
  /** Default: none. */
  readonly userName?: string | undefined;
  readonly onFailure: (error: Error) => void;
  /** Given at connect, because a resumed session may deliver right behind its CONNACK. */
  readonly onMessage?: MessageHandler;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One buffer for every socket of the process: a read is handled to its end before the next one begins. */
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);
const PACKET_IDS = 65_535;
const HANDSHAKE_TIMEOUT_MS = 60_000;
const SUBSCRIPTION_REFUSED = 0x80;
const SESSION_PRESENT = 0x01;

export class BenchClient {
  readonly clientId: string;
  /** Resolves when the connection ends without having been asked to. */
  readonly broken: Promise<void>;
  onMessage: MessageHandler;
  onAcknowledged: AcknowledgementHandler = () => undefined;

  readonly #socket: Socket;
  readonly #onFailure: (error: Error) => void;
  readonly #waiting = new Map<number, Waiter[]>();
  readonly #acks: AckBatch;
  readonly #heldQos2 = new Set<number>();
  #acknowledged = 0;
  #chunkTimeMs = 0;
  #lastPacketId = 0;
  #ended = false;
  #hasSession = false;
  #tellBroken: () => void = () => undefined;

  private constructor(options: ClientOptions, onConnected: () => void) {
    this.clientId = options.clientId;
    this.onMessage = options.onMessage ?? (() => undefined);
    this.#onFailure = options.onFailure;
    this.broken = new Promise((resolve) => (this.#tellBroken = resolve));
    const scanner = new FrameScanner((flags, bytes, start, end) => {
      this.#receive(flags, bytes, start, end);
    });
    this.#socket = connectSocket({
      host: '127.0.0.1',
      port: options.port,
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          this.#readChunk(scanner, length);
          return true;
        },
      },
    });
    this.#acks = new AckBatch((bytes) => {
      if (!this.#ended) this.#socket.write(bytes);
    });
    this.#socket.on('connect', onConnected);
    this.#socket.on('error', (error) => {
      this.#fail(error);
    });
    this.#socket.on('close', () => {
      this.#fail(new Error(`The broker closed the connection of ${this.clientId}`));
    });
  }

  /** Resolves when CONNACK has accepted the connection. */
  static async connect(options: ClientOptions): Promise<BenchClient> {
    const client = new BenchClient(options, () => {
      client.#socket.write(encodeConnect(options.clientId, options.cleanSession, options.userName));
    });
    await client.#answer(PacketType.connack, 'CONNACK');
    return client;
  }

  /** Whether the broker had a session for it when it connected. */
  get hasSession(): boolean {
    return this.#hasSession;
  }

  /** Bytes written that the kernel has not taken: how far a QoS 0 publisher is ahead of the broker. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  async subscribe(filters: readonly string[], qos: Qos): Promise<void> {
    this.#socket.write(encodeSubscribe(this.nextPacketId(), filters, qos));
    await this.#answer(PacketType.suback, 'SUBACK');
  }

  /** Resolves when the broker has handled everything sent before: MQTT packets of one connection are handled in order. */
  async ping(): Promise<void> {
    this.#acks.flush();
    this.#socket.write(PINGREQ);
    await this.#answer(PacketType.pingresp, 'PINGRESP');
  }

  send(packets: Buffer): void {
    this.#socket.write(packets);
  }

  nextPacketId(): number {
    this.#lastPacketId = (this.#lastPacketId % PACKET_IDS) + 1;
    return this.#lastPacketId;
  }

  /** Resolves when the socket is closed. */
  async disconnect(): Promise<void> {
    if (this.#ended) return;
    this.#acks.flush();
    this.#ended = true;
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => {
        resolve();
      });
      this.#socket.end(DISCONNECT);
      this.#socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => this.#socket.destroy());
    });
  }

  #readChunk(scanner: FrameScanner, length: number): void {
    this.#chunkTimeMs = monotonicMs();
    try {
      scanner.push(READ_BUFFER.subarray(0, length));
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (this.#acknowledged > 0) {
      const count = this.#acknowledged;
      this.#acknowledged = 0;
      this.onAcknowledged(count, this.#chunkTimeMs);
    }
  }

  #receive(flags: number, bytes: Buffer, start: number, end: number): void {
    switch (flags >>> 4) {
      case PacketType.publish:
        this.#receivePublish(flags, bytes, start);
        break;
      case PacketType.puback:
      case PacketType.pubcomp:
        this.#acknowledged += 1;
        break;
      case PacketType.pubrec:
        this.#acks.add(AckByte.pubrel, bytes.readUInt16BE(start));
        break;
      case PacketType.pubrel:
        this.#heldQos2.delete(bytes.readUInt16BE(start));
        this.#acks.add(AckByte.pubcomp, bytes.readUInt16BE(start));
        break;
      case PacketType.connack:
        this.#hasSession = (bytes.readUInt8(start) & SESSION_PRESENT) !== 0;
        this.#settle(PacketType.connack, bytes[start + 1] === 0 ? undefined : 'refused the connection');
        break;
      case PacketType.suback:
        this.#settle(
          PacketType.suback,
          bytes.subarray(start + 2, end).includes(SUBSCRIPTION_REFUSED)
            ? 'refused a subscription'
            : undefined,
        );
        break;
      case PacketType.pingresp:
        this.#settle(PacketType.pingresp, undefined);
        break;
      default:
        throw new Error(`The broker sent a packet no client expects: first byte 0x${flags.toString(16)}`);
    }
  }

  #receivePublish(flags: number, bytes: Buffer, start: number): void {
    const qos = (flags >>> 1) & 3;
    const afterTopic = start + 2 + bytes.readUInt16BE(start);
    if (qos === 0) {
      this.onMessage(bytes, afterTopic, this.#chunkTimeMs);
      return;
    }
    const packetId = bytes.readUInt16BE(afterTopic);
    this.#acks.add(qos === 1 ? AckByte.puback : AckByte.pubrec, packetId);
    if (qos === 2) {
      if (this.#heldQos2.has(packetId)) return;
      this.#heldQos2.add(packetId);
    }
    this.onMessage(bytes, afterTopic + 2, this.#chunkTimeMs);
  }

  async #answer(type: number, name: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      const waiters = this.#waiting.get(type) ?? [];
      waiters.push({ resolve, reject });
      this.#waiting.set(type, waiters);
      timer = setTimeout(() => {
        this.#fail(new Error(`${this.clientId} waited ${HANDSHAKE_TIMEOUT_MS} ms for ${name} in vain`));
      }, HANDSHAKE_TIMEOUT_MS);
    }).finally(() => {
      clearTimeout(timer);
    });
  }

  #settle(type: number, refusal: string | undefined): void {
    const waiter = this.#waiting.get(type)?.shift();
    if (refusal === undefined) waiter?.resolve();
    else waiter?.reject(new Error(`The broker ${refusal} of ${this.clientId}`));
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.reject(error);
    this.#waiting.clear();
    this.#onFailure(error);
    this.#tellBroken();
  }
}
