/**
 * PUBACK, PUBREC, PUBREL and PUBCOMP to a client, appended to a writer. Four bytes; five on MQTT 5 when there is a
 * reason to give (the properties may be left out together with their length, MQTT 5.0, 3.4.2.2.1).
 */
import type { AckType } from './decode-ack.ts';
import type { PacketSink } from './packet-sink.ts';
import type { ProtocolLevel } from './packets.ts';

/** First byte; PUBREL carries QoS 1 in its flags [MQTT-3.6.1-1]. */
const HEADER: Readonly<Record<AckType, number>> = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 };

const BYTES_MAX = 5;

/** Appends one acknowledgement. On 3.x the reason is not sent: an error there is silence or a closed connection. */
export function encodeAck(
  writer: PacketSink,
  level: ProtocolLevel,
  type: AckType,
  packetId: number,
  reasonCode: number,
): void {
  const withReason = level === 5 && reasonCode !== 0;
  writer.ensure(BYTES_MAX);
  const { buffer, length: start } = writer;
  buffer[start] = HEADER[type];
  buffer[start + 1] = withReason ? 3 : 2;
  buffer[start + 2] = packetId >> 8;
  buffer[start + 3] = packetId & 0xff;
  if (withReason) buffer[start + 4] = reasonCode;
  writer.length = start + (withReason ? 5 : 4);
}
