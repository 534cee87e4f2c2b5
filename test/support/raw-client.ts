/**
 * A byte-level MQTT client for tests over tcp, tls, ws and wss. It answers nothing by itself: no acknowledgement,
 * no PINGREQ, no reconnect; a test sends exactly the packets or bytes it names and awaits what comes back.
 */
import { generate, parser } from 'mqtt-packet';
import type { IConnackPacket, IConnectPacket, Packet, PacketCmd } from 'mqtt-packet';
import { packetSize } from './packet-size.ts';
import { openRawStream, type RawStream, type RawStreamOptions } from './raw-stream.ts';

export type { Packet } from 'mqtt-packet';

/** Tests fail with a sentence instead of hanging; generous, because the machine may be busy. */
export const RAW_CLIENT_DEADLINE_MS = 10_000;

export interface RawClientOptions extends RawStreamOptions {
  /** Of what is generated and parsed; default 4. */
  readonly level?: 3 | 4 | 5;
}

type PacketOf<Command extends PacketCmd> = Extract<Packet, { cmd: Command }>;
interface Arrived {
  readonly packet: Packet;
  readonly bytes: Buffer;
}
/** Returns whether what it waited for has come. */
type Waiter = () => boolean;

export class RawClient {
  readonly level: 3 | 4 | 5;
  /** Bytes received so far, before any parsing. */
  bytesReceived = 0;
  readonly #stream: RawStream;
  readonly #arrived: Arrived[] = [];
  #unparsed: Buffer = Buffer.alloc(0);
  #waiters: Waiter[] = [];
  #isClosed = false;
  #failure: Error | undefined;

  private constructor(stream: RawStream, level: 3 | 4 | 5) {
    this.#stream = stream;
    this.level = level;
    stream.onBytes = (chunk) => {
      this.#receive(chunk);
    };
    stream.onClosed = (error) => {
      this.#isClosed = true;
      this.#failure = error;
      this.#wake();
    };
  }

  /** Opens the transport (TLS handshake and WebSocket upgrade included); sends nothing. */
  static async open(options: RawClientOptions): Promise<RawClient> {
    return new RawClient(await openRawStream(options), options.level ?? 4);
  }

  /** Opens, sends CONNECT (clean, keep-alive 0, unless given) and returns the client with its CONNACK. */
  static async connect(
    options: RawClientOptions,
    connect: Partial<IConnectPacket> = {},
  ): Promise<{ client: RawClient; connack: IConnackPacket }> {
    const client = await RawClient.open(options);
    client.sendConnect(connect);
    return { client, connack: await client.expect('connack') };
  }

  sendConnect(connect: Partial<IConnectPacket> = {}): void {
    this.send({
      cmd: 'connect',
      clientId: 'raw-client',
      clean: true,
      keepalive: 0,
      protocolId: this.level === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: this.level,
      ...connect,
    });
  }

  /** Everything given leaves in one write (one WebSocket frame). */
  send(...items: readonly (Packet | Buffer)[]): void {
    this.#stream.write(Buffer.concat(items.map((item) => this.encode(item))));
  }

  encode(item: Packet | Buffer): Buffer {
    return Buffer.isBuffer(item) ? item : generate(item, { protocolVersion: this.level });
  }

  /** The next packet, in order of arrival; rejects when the connection closes or the deadline passes. */
  async next(deadlineMs: number = RAW_CLIENT_DEADLINE_MS): Promise<Packet> {
    return (await this.#nextArrived(deadlineMs)).packet;
  }

  /** As `next`, byte for byte, header included. */
  async nextBytes(deadlineMs: number = RAW_CLIENT_DEADLINE_MS): Promise<Buffer> {
    return (await this.#nextArrived(deadlineMs)).bytes;
  }

  /** The next packet, which must be of this type. */
  async expect<Command extends PacketCmd>(command: Command, deadlineMs?: number): Promise<PacketOf<Command>> {
    const packet = await this.next(deadlineMs);
    if (packet.cmd !== command) {
      throw new Error(`Expected ${command}, got ${packet.cmd}: ${JSON.stringify(packet)}`);
    }
    return packet as PacketOf<Command>;
  }

  /** What the broker sent up to now: everything that arrives before the PINGRESP to a PINGREQ sent here. */
  async roundTrip(deadlineMs?: number): Promise<Packet[]> {
    this.send({ cmd: 'pingreq' });
    const packets: Packet[] = [];
    for (;;) {
      const packet = await this.next(deadlineMs);
      if (packet.cmd === 'pingresp') return packets;
      packets.push(packet);
    }
  }

  /** Resolves when the connection is closed; packets that came before stay readable with `next`. */
  async closed(deadlineMs: number = RAW_CLIENT_DEADLINE_MS): Promise<void> {
    await this.#until(() => this.#isClosed, 'the connection to close', deadlineMs);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes that came after the last whole packet. */
  get unparsed(): Buffer {
    return this.#unparsed;
  }

  /** Stops reading from the socket: a slow consumer. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Ends the connection in order (FIN, WebSocket close frame) without DISCONNECT. */
  end(): void {
    this.#stream.end();
  }

  /** Drops the connection as a lost network does: reset where the transport can. */
  destroy(): void {
    this.#stream.destroy();
  }

  async #nextArrived(deadlineMs: number): Promise<Arrived> {
    await this.#until(() => this.#arrived.length > 0, 'a packet', deadlineMs);
    const arrived = this.#arrived.shift();
    if (arrived === undefined) {
      throw new Error(`Connection closed instead of a packet${this.#failureText()}`);
    }
    return arrived;
  }

  #receive(chunk: Buffer): void {
    this.bytesReceived += chunk.length;
    this.#unparsed = this.#unparsed.length === 0 ? chunk : Buffer.concat([this.#unparsed, chunk]);
    for (let size = packetSize(this.#unparsed); size > 0; size = packetSize(this.#unparsed)) {
      const bytes = this.#unparsed.subarray(0, size);
      this.#arrived.push({ packet: decode(bytes, this.level), bytes });
      this.#unparsed = this.#unparsed.subarray(size);
    }
    this.#wake();
  }

  #wake(): void {
    this.#waiters = this.#waiters.filter((waiter) => !waiter());
  }

  /** Resolves when the condition holds or the connection is closed. */
  #until(condition: () => boolean, what: string, deadlineMs: number): Promise<void> {
    if (condition() || this.#isClosed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
        reject(new Error(`Waited ${deadlineMs} ms for ${what}`));
      }, deadlineMs);
      const waiter = (): boolean => {
        if (!condition() && !this.#isClosed) return false;
        clearTimeout(timer);
        resolve();
        return true;
      };
      this.#waiters.push(waiter);
    });
  }

  #failureText(): string {
    return this.#failure === undefined ? '' : `: ${this.#failure.message}`;
  }
}

function decode(frame: Buffer, level: number): Packet {
  let decoded: Packet | undefined;
  const frameParser = parser({ protocolVersion: level });
  frameParser.on('packet', (packet) => {
    decoded = packet;
  });
  frameParser.on('error', (error: Error) => {
    throw new Error(`Broker sent a malformed packet (${error.message}): ${frame.toString('hex', 0, 64)}`);
  });
  frameParser.parse(Buffer.from(frame));
  if (decoded === undefined) throw new Error(`Broker sent half a packet: ${frame.toString('hex', 0, 64)}`);
  return decoded;
}
