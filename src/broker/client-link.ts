/**
 * The seam between transport and broker. Transport owns sockets, bytes and the outbox; the broker sees packets.
 * Nothing here waits: `send…` puts a packet into the connection's outbox, which is written once per turn.
 */
import type { ClientPacket, ProtocolLevel, ServerPacket } from '../mqtt/packets.ts';
import type { ProtocolViolation } from '../mqtt/reason-code.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { Seq } from '../queue/durable-queue.ts';
import type { Message } from '../queue/message.ts';

export interface ClientAddress {
  /** Of the client, or what a trusted proxy said. */
  readonly address: string;
  /** 0: not known. */
  readonly port: number;
  /** User that the verified client certificate names. */
  readonly certificateName: string | undefined;
  /** That name counts in place of user name and password; default: they have to agree with it. */
  readonly certificateDecides?: boolean;
}

export interface PeerAddress extends ClientAddress {
  readonly transport: 'tcp' | 'tls' | 'ws' | 'wss';
}

/** One PUBLISH to this client. */
export interface Delivery {
  readonly message: Message;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** 0 for QoS 0. */
  readonly packetId: number;
  readonly subscriptionIds: readonly number[] | undefined;
  /** Where it stands in the durable queue that it comes from. */
  readonly seq?: Seq;
}

export type AckType = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';

export interface ClientLink {
  readonly peer: ClientAddress;

  /** Set by the CONNECT handler before its first send: what the encoder must keep to. */
  configure(options: LinkOptions): void;

  /** Packets of the client may be so large from now on. */
  limitPackets(bytesMax: number): void;

  send(packet: ServerPacket): void;
  sendAck(type: AckType, packetId: number, reasonCode: number): void;
  /** false: larger than the client's maximum packet size, nothing was sent. */
  sendPublish(delivery: Delivery, nowMs: number): boolean;

  /** Bytes accepted by `send…` that the client's socket has not taken yet. */
  readonly outboxBytes: number;

  /** Of whole packets taken from the client so far, headers included. */
  readonly bytesReceived: number;
  /** Of all that `send…` has accepted so far. */
  readonly bytesSent: number;

  /** Stops reading from the client's socket (back-pressure); calls nest by reason. */
  pauseReading(reason: PauseReason): void;
  resumeReading(reason: PauseReason): void;

  /** Writes what is in the outbox, then ends the connection. `onClosed` follows, once. */
  close(): void;
}

export type PauseReason = 'store' | 'quota' | 'handshake' | 'acks' | 'requests' | 'leaving';

export interface LinkOptions {
  readonly level: ProtocolLevel;
  /** 0: none. A silent client is closed after 1.5 times this. */
  readonly keepAliveS: number;
  /** Of the client; undefined: no limit. */
  readonly maximumPacketSize: number | undefined;
  /** Of the client: aliases the encoder may use towards it. */
  readonly topicAliasMaximum: number;
  /** Reason strings may be sent (MQTT 5 request problem information). */
  readonly problemInformation: boolean;
}

/** What transport tells the broker. */
export interface LinkHandler {
  onPacket(packet: ClientPacket): void;
  /** The outbox fell below the low-water mark after it had been above the high-water mark. */
  onDrain(): void;
  /** Bytes that break the protocol; the handler answers and closes. No packet follows. */
  onViolation(violation: ProtocolViolation): void;
  /** Nothing was heard for 1.5 keep-alives; the handler closes. */
  onKeepAliveTimeout(): void;
  /** The connection is gone, for whatever reason. Last call. */
  onClosed(cause: CloseCause): void;
}

export type CloseCause = 'client' | 'broker' | 'error';

/** How transport asks for a handler of a new connection. */
export type AcceptLink = (link: ClientLink) => LinkHandler;
