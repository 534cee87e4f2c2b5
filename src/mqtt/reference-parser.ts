/**
 * mqtt-packet's parser, given exactly one frame that our own check has already passed. Used for the packets that
 * come once per connection or subscription; it is lenient by itself, so nothing may reach it unchecked.
 */
import { parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import type { ProtocolLevel } from './packets.ts';
import { ProtocolViolation, REASON } from './reason-code.ts';

/** DUP, which MQTT 3.1 allows on SUBSCRIBE and UNSUBSCRIBE and mqtt-packet does not. */
const DUP = 0x08;

/** The packet in `frame` if it is a `cmd`. Throws `malformedPacket` when mqtt-packet refuses what the check let pass. */
export function parseChecked<Cmd extends Packet['cmd']>(
  frame: Buffer,
  level: ProtocolLevel,
  cmd: Cmd,
): Extract<Packet, { cmd: Cmd }> {
  let packet: Packet | undefined;
  let refusal = 'it is no such packet';
  const reader = parser({ protocolVersion: level });
  reader.on('packet', (parsed) => {
    packet = parsed;
  });
  reader.on('error', (error: Error) => {
    refusal = error.message;
  });
  reader.parse(level === 3 ? withoutDup(frame) : frame);
  if (packet !== undefined && isCommand(packet, cmd)) return packet;
  throw new ProtocolViolation(REASON.malformedPacket, `${cmd.toUpperCase()}: ${refusal}`);
}

function isCommand<Cmd extends Packet['cmd']>(
  packet: Packet,
  cmd: Cmd,
): packet is Extract<Packet, { cmd: Cmd }> {
  return packet.cmd === cmd;
}

function withoutDup(frame: Buffer): Buffer {
  const flags = frame.readUInt8(0);
  if ((flags & DUP) === 0) return frame;
  const cleared = Buffer.from(frame);
  cleared.writeUInt8(flags & ~DUP, 0);
  return cleared;
}
