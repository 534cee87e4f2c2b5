/**
 * One connection as both sides saw it, and what must never happen on it whatever the client sends: no packet before CONNACK
 * or after the end, no acknowledgement that nobody asked for, no message that no filter of the client matches or that rules keep from
 * it, no more of them than the client has room for.
 */
import { parser, type Packet } from 'mqtt-packet';
import { decodePacket } from '../../src/mqtt/decode-packet.ts';
import { FrameReader } from '../../src/mqtt/frame-reader.ts';
import type { ClientPacket, ConnectPacket, ProtocolLevel, PublishPacket } from '../../src/mqtt/packets.ts';
import { ProtocolViolation } from '../../src/mqtt/reason-code.ts';
import { matchesFilter, parseShare } from '../../src/mqtt/topic.ts';
import { packetSize } from '../support/packet-size.ts';

const PACKET_BYTES_MAX = 268_435_460;
/** Where retained messages and wills of earlier cases may come from. */
export type FiltersOf = (clientId: string) => Set<string>;

/** What the client may be sent in answer to a packet of its own. */
type Answer = 'puback' | 'pubrec' | 'pubcomp' | 'suback' | 'unsuback';

export class Conversation {
  readonly problems: string[] = [];
  /** CONNACK said yes. */
  accepted = false;
  /** The broker ended it, or said that it would. */
  refused = false;
  /** DISCONNECT was sent: the broker has nobody to refuse. */
  saidGoodbye = false;
  /** Payloads that were acknowledged, with QoS 1, below a topic; see `Auditor`. */
  readonly acknowledged: { readonly topic: string; readonly payload: string }[] = [];
  readonly #filtersOf: FiltersOf;
  readonly #forbidden: readonly string[];
  readonly #sentReader = new FrameReader(PACKET_BYTES_MAX);
  #sentIsBroken = false;
  /** Of a CONNECT that could not be read further. */
  #refusedLevel: ProtocolLevel | undefined;
  #connect: ConnectPacket | undefined;
  #unparsed: Buffer = Buffer.alloc(0);
  #over = false;
  #pingsOwed = 0;
  readonly #owed = new Map<string, number>();
  readonly #published = new Map<number, { topic: string; payload: string }[]>();
  /** Of the broker's messages, by packet identifier, until they are acknowledged. */
  readonly #inFlight = new Map<number, 1 | 2>();
  /** Acknowledged by chance while they may have been on their way. */
  readonly #early = new Set<number>();

  /** `forbidden`: topics that rules keep from the client. */
  constructor(filtersOf: FiltersOf, forbidden: readonly string[] = []) {
    this.#filtersOf = filtersOf;
    this.#forbidden = forbidden;
  }

  /** Call before the bytes are written. */
  sent(bytes: Buffer): void {
    if (this.#sentIsBroken) return;
    try {
      this.#sentReader.push(bytes, (frame, bodyOffset) => {
        if (this.#sentIsBroken) return;
        this.#onSent(decodePacket(frame, bodyOffset, this.#connect?.level));
      });
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      // Whatever follows is not read.
      this.#sentIsBroken = true;
      this.#refusedLevel = error.connectLevel;
    }
  }

  received(bytes: Buffer): void {
    this.#unparsed = Buffer.concat([this.#unparsed, bytes]);
    for (let size = this.#nextSize(); size > 0; size = this.#nextSize()) {
      const frame = this.#unparsed.subarray(0, size);
      this.#unparsed = this.#unparsed.subarray(size);
      const packet = this.#parse(frame);
      if (packet !== undefined) this.#onReceived(packet, size);
    }
  }

  /** Nothing is on its way to the client, who reads. */
  quiet(): void {
    this.#early.clear();
  }

  /** The broker owes an answer to whatever comes next. */
  get isAlive(): boolean {
    return this.accepted && !this.#over && !this.#sentIsBroken && this.#sentReader.pendingBytes === 0;
  }

  /** CONNECT was sent whole and has no answer yet. */
  get isConnecting(): boolean {
    return this.#connect !== undefined && !this.accepted && !this.refused && !this.#sentIsBroken;
  }

  /** Not one PINGRESP is missing. */
  get isAnswered(): boolean {
    return this.#pingsOwed === 0;
  }

  get #level(): ProtocolLevel {
    return this.#connect?.level ?? this.#refusedLevel ?? 4;
  }

  #parse(frame: Buffer): Packet | undefined {
    let found: Packet | undefined;
    // A client that was refused for its version is answered in the oldest format.
    const reader = parser({ protocolVersion: this.#level });
    reader.on('packet', (packet) => (found = packet));
    reader.on('error', (error: Error) =>
      this.problems.push(`broker sent ${frame.toString('hex')}: ${error.message}`),
    );
    reader.parse(Buffer.from(frame));
    return found;
  }

  #onSent(packet: ClientPacket): void {
    if (this.#connect === undefined) {
      // Anything else first ends the connection.
      if (packet.type === 'connect') this.#connect = packet;
      else this.#sentIsBroken = true;
      return;
    }
    switch (packet.type) {
      case 'publish':
        if (packet.qos === 0) return;
        this.#owe(packet.qos === 1 ? 'puback' : 'pubrec', packet.packetId);
        if (packet.qos === 1) this.#remember(packet);
        return;
      case 'pubrel':
        this.#owe('pubcomp', packet.packetId);
        return;
      case 'subscribe':
        this.#owe('suback', packet.packetId);
        for (const { filter } of packet.requests) {
          this.#filtersOf(this.#connect.clientId).add(parseShare(filter)?.filter ?? filter);
        }
        return;
      case 'unsubscribe':
        this.#owe('unsuback', packet.packetId);
        return;
      case 'pingreq':
        this.#pingsOwed++;
        return;
      case 'puback':
      case 'pubcomp':
        if (!this.#inFlight.delete(packet.packetId)) this.#early.add(packet.packetId);
        return;
      case 'pubrec':
        if (packet.reasonCode >= 0x80) this.#inFlight.delete(packet.packetId);
        return;
      case 'disconnect':
        this.saidGoodbye = this.#sentIsBroken = true;
        return;
      case 'connect':
        this.#sentIsBroken = true;
        return;
      default:
        return;
    }
  }

  #onReceived(packet: Packet, bytes: number): void {
    if (this.#over) this.#problem(`${packet.cmd} after the end`);
    if (packet.cmd === 'connack') {
      if (this.accepted || this.refused) this.#problem('a second CONNACK');
      const code = packet.reasonCode ?? packet.returnCode ?? 0;
      if (code === 0) this.accepted = true;
      else this.refused = this.#over = true;
      if (code === 0 && this.#connect === undefined) this.#problem('CONNACK without CONNECT');
      return;
    }
    if (packet.cmd === 'auth') return;
    if (!this.accepted) {
      this.#problem(`${packet.cmd} before CONNACK`);
      return;
    }
    const { maximumPacketSize } = this.#connect ?? {};
    if (maximumPacketSize !== undefined && bytes > maximumPacketSize)
      this.#problem(`${packet.cmd} of ${bytes} bytes`);
    this.#onAnswer(packet);
  }

  #onAnswer(packet: Packet): void {
    switch (packet.cmd) {
      case 'puback':
        this.#settle('puback', packet.messageId ?? 0);
        this.#acknowledged(packet.messageId ?? 0, packet.reasonCode ?? 0);
        return;
      case 'pubrec':
      case 'pubcomp':
      case 'suback':
      case 'unsuback':
        this.#settle(packet.cmd, packet.messageId ?? 0);
        return;
      case 'pingresp':
        if (--this.#pingsOwed < 0) this.#problem('PINGRESP nobody asked for');
        return;
      case 'pubrel':
        return;
      case 'disconnect':
        if (this.#level < 5) this.#problem('DISCONNECT to an MQTT 3 client');
        this.refused = this.#over = true;
        return;
      case 'publish':
        this.#onMessage(packet);
        return;
      default:
        this.#problem(`a server sent ${packet.cmd.toUpperCase()}`);
    }
  }

  #onMessage({ topic, qos, messageId = 0, dup }: Extract<Packet, { cmd: 'publish' }>): void {
    const { clientId = '', receiveMaximum = 65_535 } = this.#connect ?? {};
    const filters = this.#filtersOf(clientId);
    // An empty topic stands for an alias.
    if (topic !== '' && !Array.from(filters).some((filter) => matchesFilter(filter, topic))) {
      this.#problem(`${topic} matches none of ${JSON.stringify([...filters])}`);
    }
    if (this.#forbidden.includes(topic)) this.#problem(`${topic} is kept from it`);
    if (qos === 0) return;
    if (messageId === 0) this.#problem('packet identifier 0');
    if (this.#inFlight.has(messageId)) this.#problem(`identifier ${messageId} in use${dup ? ', DUP' : ''}`);
    if (this.#early.delete(messageId)) return;
    this.#inFlight.set(messageId, qos);
    if (this.#inFlight.size > receiveMaximum) this.#problem(`more than ${receiveMaximum} messages in flight`);
  }

  #remember({ topic, packetId, payload, topicAlias }: PublishPacket): void {
    const queue = this.#published.get(packetId) ?? [];
    // Which topic an alias stood for is the broker's to know.
    queue.push({ topic: topicAlias === 0 ? topic : '', payload: payload.toString() });
    this.#published.set(packetId, queue);
  }

  #owe(answer: Answer, packetId: number): void {
    const key = `${answer} ${packetId}`;
    this.#owed.set(key, (this.#owed.get(key) ?? 0) + 1);
  }

  #settle(answer: Answer, packetId: number): void {
    const key = `${answer} ${packetId}`;
    const owed = this.#owed.get(key) ?? 0;
    if (owed === 0) this.#problem(`${answer.toUpperCase()} ${packetId} that nothing asked for`);
    else this.#owed.set(key, owed - 1);
  }

  #acknowledged(packetId: number, reasonCode: number): void {
    const published = this.#published.get(packetId)?.shift();
    if (published !== undefined && reasonCode === 0) this.acknowledged.push(published);
  }

  /** 0: no whole packet is there. */
  #nextSize(): number {
    try {
      return packetSize(this.#unparsed);
    } catch (error) {
      this.#problem(error instanceof Error ? error.message : String(error));
      this.#unparsed = Buffer.alloc(0);
      return 0;
    }
  }

  #problem(what: string): void {
    this.problems.push(what);
  }
}
