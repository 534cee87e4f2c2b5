/**
 * Whole exchanges of a client that does nothing else meanwhile: subscribe, publish and see it acknowledged, take a
 * message and acknowledge it. Each fails when anything else comes in between.
 */
import type { IPublishPacket, ISubscription, Packet, QoS } from 'mqtt-packet';
import { expect } from 'vitest';
import type { RawClient } from '../../support/raw-client.ts';

export interface PublishWish extends Partial<Omit<IPublishPacket, 'cmd' | 'topic'>> {
  readonly topic: string;
}

/** A PUBLISH packet; `messageId` is 1 unless given. */
export function publishPacket(wish: PublishWish): IPublishPacket {
  return { cmd: 'publish', payload: 'hello', qos: 0, dup: false, retain: false, messageId: 1, ...wish };
}

export interface SubscribeWish extends ISubscription {
  readonly subscriptionIdentifier?: number;
}

/** Returns what SUBACK granted. */
export async function subscribe(client: RawClient, ...wishes: SubscribeWish[]): Promise<number[]> {
  const subscriptionIdentifier = wishes[0]?.subscriptionIdentifier;
  client.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: wishes,
    ...(subscriptionIdentifier === undefined ? {} : { properties: { subscriptionIdentifier } }),
  });
  const suback = await client.expect('suback');
  expect(suback.messageId).toBe(1);
  return suback.granted.map(Number);
}

/** Publishes and goes through the whole hand-shake; returns the first reason code, 0 on MQTT 3. */
export async function publish(client: RawClient, wish: PublishWish): Promise<number> {
  const packet = publishPacket(wish);
  client.send(packet);
  if (packet.qos === 0) {
    expect(await client.roundTrip()).toEqual([]);
    return 0;
  }
  const answer = await client.expect(packet.qos === 1 ? 'puback' : 'pubrec');
  expect(answer.messageId).toBe(packet.messageId);
  const reasonCode = answer.reasonCode ?? 0;
  if (packet.qos === 2 && reasonCode < 0x80) {
    client.send({ cmd: 'pubrel', messageId: answer.messageId ?? 0 });
    const pubcomp = await client.expect('pubcomp');
    expect(pubcomp).toMatchObject({ messageId: packet.messageId });
    expect(pubcomp.reasonCode ?? 0).toBe(0);
  }
  return reasonCode;
}

/** The next PUBLISH, acknowledged as its QoS asks for. For a single message: see `takeAll`. */
export async function take(client: RawClient): Promise<IPublishPacket> {
  const message = await client.expect('publish');
  await acknowledge(client, message);
  return message;
}

/** The next PUBLISH packets, each acknowledged; the exchanges of QoS 2 may overlap. */
export async function takeAll(client: RawClient, count: number): Promise<IPublishPacket[]> {
  const messages: IPublishPacket[] = [];
  let unreleased = 0;
  while (messages.length < count || unreleased > 0) {
    const packet = await client.next();
    if (packet.cmd === 'publish') {
      messages.push(packet);
      if (packet.qos > 0) client.send(firstAcknowledgement(packet));
      if (packet.qos === 2) unreleased++;
    } else {
      expect(packet.cmd).toBe('pubrel');
      client.send({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 });
      unreleased--;
    }
  }
  return messages;
}

/** The whole exchange that a received PUBLISH begins; nothing else may come in between. */
export async function acknowledge(client: RawClient, message: IPublishPacket): Promise<void> {
  if (message.qos === 0) return;
  client.send(firstAcknowledgement(message));
  if (message.qos === 1) return;
  const { messageId = 0 } = await client.expect('pubrel');
  expect(messageId).toBe(message.messageId);
  client.send({ cmd: 'pubcomp', messageId });
}

/** PUBACK, or PUBREC for QoS 2. */
export function firstAcknowledgement({ qos, messageId = 0 }: IPublishPacket): Packet {
  return { cmd: qos === 1 ? 'puback' : 'pubrec', messageId };
}

/** As text. */
export function payloads(messages: readonly IPublishPacket[]): string[] {
  return messages.map(({ payload }) => payload.toString());
}

export const QOS_LEVELS: readonly QoS[] = [0, 1, 2];

/** DISCONNECT, and the end of the connection. */
export async function disconnect(client: RawClient, reasonCode = 0, expiryS?: number): Promise<void> {
  client.send({
    cmd: 'disconnect',
    reasonCode,
    ...(expiryS === undefined ? {} : { properties: { sessionExpiryInterval: expiryS } }),
  });
  await client.closed();
}

/** Nothing more came than this: what arrives before an answer to a question asked now. */
export async function expectNothing(client: RawClient): Promise<void> {
  expect(await client.roundTrip()).toEqual([]);
}
