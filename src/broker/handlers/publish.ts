/**
 * PUBLISH from a client. QoS 0 is handed on and forgotten; QoS 1 is acknowledged when every durable queue it goes
 * to has it; QoS 2 of a persistent session is first held in its own durable queue, see `held-messages.ts`.
 */
import type { PublishPacket } from '../../mqtt/packets.ts';
import type { QoS } from '../../mqtt/qos.ts';
import { ProtocolViolation, REASON, type ReasonCode } from '../../mqtt/reason-code.ts';
import { messageExpiresAtMs } from '../../queue/message-age.ts';
import type { Message } from '../../queue/message.ts';
import type { ActiveSession } from '../active-session.ts';
import { isWithinTopicLimits } from '../limits.ts';
import { PublishTicket } from '../publish-ticket.ts';

export function handlePublish(session: ActiveSession, packet: PublishPacket): void {
  const { broker, link } = session;
  const nowMs = broker.clock.nowMs();
  const topic =
    packet.topicAlias === 0 ? packet.topic : session.aliases.resolve(packet.topicAlias, packet.topic);
  broker.counters.messagesIn[packet.qos]++;
  broker.counters.payloadBytesIn[packet.qos] += packet.payload.length;
  const refusal = refusalOf(session, packet, topic);
  if (refusal !== undefined) {
    refuse(session, packet, topic, refusal);
    return;
  }
  const message: Message = {
    topic,
    payload: packet.payload,
    qos: packet.qos,
    retain: packet.retain,
    properties: packet.properties,
    publishedAtMs: nowMs,
    expiresAtMs: messageExpiresAtMs(nowMs, packet.messageExpiryS, broker.limits.messageAgeMaxS),
    publisher: session.clientId,
  };
  const ticket = publishAs(packet.qos, session, packet, message);
  broker.services.brake.check(link, ticket?.crowded);
}

/** undefined: there is nothing to wait for. */
function publishAs(
  qos: QoS,
  session: ActiveSession,
  packet: PublishPacket,
  message: Message,
): PublishTicket | undefined {
  switch (qos) {
    case 0:
      session.broker.publishing.publish(message, undefined);
      return undefined;
    case 1:
      return publishQoS1(session, packet, message);
    case 2:
      return publishQoS2(session, packet, message);
  }
}

function publishQoS1(session: ActiveSession, packet: PublishPacket, message: Message): PublishTicket {
  countAgainstReceiveMaximum(session);
  // Durable before PUBACK leaves: the message in every durable queue it matched, and the retained message if it
  // is one, which every broker of the cluster shows by then. The ticket settles then, and not before.
  const slot = session.reserveAck('puback', packet.packetId);
  const ticket = new PublishTicket(session, slot, message.publishedAtMs);
  session.broker.publishing.publish(message, ticket);
  ticket.settle();
  return ticket;
}

function publishQoS2(
  session: ActiveSession,
  packet: PublishPacket,
  message: Message,
): PublishTicket | undefined {
  const { packetId } = packet;
  const { held } = session;
  if (held?.has(packetId) === true || session.qos2Ids.has(packetId)) {
    answerRepeatedQoS2(session, packetId);
    return undefined;
  }
  countAgainstReceiveMaximum(session);
  const slot = session.reserveAck('pubrec', packetId);
  const ticket = new PublishTicket(session, slot, message.publishedAtMs);
  if (held !== undefined) {
    // Durable before PUBREC leaves: the message in this session's queue of held messages.
    held.hold(packetId, message, ticket);
  } else {
    // A transient session has no later connection to release anything on. Durable before PUBREC leaves: the
    // message in every durable queue it matched, and retained as for PUBACK; PUBREL only frees the identifier.
    session.qos2Ids.add(packetId);
    session.broker.publishing.publish(message, ticket);
  }
  ticket.settle();
  return ticket;
}

/** [MQTT-4.3.3-10] The message is known: only PUBREC is sent again, once what is staged before it is durable. */
function answerRepeatedQoS2(session: ActiveSession, packetId: number): void {
  const slot = session.reserveAck('pubrec', packetId);
  void session.broker.services.batcher.barrier(session.held?.queue).then(() => {
    const isHeld = session.held?.isDurable(packetId) === true || session.qos2Ids.has(packetId);
    session.completeAck(slot, isHeld ? REASON.success : REASON.unspecifiedError);
  });
}

function countAgainstReceiveMaximum(session: ActiveSession): void {
  session.countPublish();
  const { receiveMaximum } = session;
  if (session.level === 5 && session.unacknowledged > receiveMaximum) {
    session.broker.quota.exceeded('client.receiveMaximum', session.clientId);
    // [MQTT-3.3.4-7]
    throw new ProtocolViolation(
      REASON.receiveMaximumExceeded,
      `more than ${receiveMaximum} PUBLISH packets without acknowledgement`,
    );
  }
}

function refusalOf(session: ActiveSession, packet: PublishPacket, topic: string): ReasonCode | undefined {
  const { limits } = session.broker;
  if (!isWithinTopicLimits(topic, limits)) return REASON.topicNameInvalid;
  if (topic.startsWith('$SYS/')) return REASON.notAuthorized;
  return session.principal.mayPublish(topic, packet.qos, packet.retain) ? undefined : REASON.notAuthorized;
}

/**
 * MQTT 5 has a reason for it. MQTT 3 does not: a QoS 1 or 2 message that was not taken must not be
 * acknowledged, so the connection is closed [MQTT-3.3.5-2]; QoS 0 is only counted and logged on both.
 */
function refuse(session: ActiveSession, packet: PublishPacket, topic: string, reasonCode: ReasonCode): void {
  session.broker.counters.publishesRefused++;
  session.logRefusal({ topic, reasonCode }, 'publish refused');
  if (packet.qos === 0) return;
  if (session.level < 5) {
    session.disconnect(reasonCode, 'protocolError', `publishing to ${topic} is refused`);
    return;
  }
  countAgainstReceiveMaximum(session);
  session.completeAck(
    session.reserveAck(packet.qos === 1 ? 'puback' : 'pubrec', packet.packetId),
    reasonCode,
  );
}
