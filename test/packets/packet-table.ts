/**
 * Packets from clients and what becomes of them: one table that drives the codec's tests and the server's. Every case
 * is one whole packet.
 */
import type { ProtocolLevel } from '../../src/mqtt/packets.ts';
import type { ReasonName } from '../../src/mqtt/reason-code.ts';
import { ACK_CASES } from './ack-packets.ts';
import { CONNECT_CASES } from './connect-packets.ts';
import { PUBLISH_CASES } from './publish-packets.ts';
import { SESSION_CASES } from './session-packets.ts';
import { SUBSCRIBE_CASES } from './subscribe-packets.ts';

export interface PacketCase {
  /** What is tested, with the standard's statement where there is one; unique. */
  readonly name: string;
  /** Of the connection the packet comes in on; undefined: it is the first packet. */
  readonly level: ProtocolLevel | undefined;
  readonly bytes: Buffer;
  /** Fields of the decoded packet, or why it is refused. */
  readonly expected: Readonly<Record<string, unknown>> | ReasonName;
}

export const PACKET_TABLE: readonly PacketCase[] = [
  ...CONNECT_CASES,
  ...PUBLISH_CASES,
  ...ACK_CASES,
  ...SUBSCRIBE_CASES,
  ...SESSION_CASES,
];
