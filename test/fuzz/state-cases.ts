/**
 * Cases at the level of state: every packet is valid, what is wrong is when it comes. Several connections share client
 * identifiers, topics and packet identifiers, take each other over, acknowledge what was never sent, release what is not held, stop
 * reading, and vanish.
 */
import { generate, type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import type { SeededRandom } from '../../src/fleet/seeded-random.ts';
import type { ProtocolLevel } from '../../src/mqtt/packets.ts';
import { LEVELS } from './corpus.ts';
import { PLAYER } from './accounts.ts';
import { send, type FuzzCase, type FuzzConnection, type FuzzStep } from './fuzz-case.ts';

const CONNECTIONS_MAX = 4;
const STEPS_MAX = 60;
const CLIENT_IDS = ['one', 'two', 'three'] as const;
/** What is published below it has to arrive, see `Auditor`. */
export const AUDITED = 'audit/';
const TOPICS = ['a', 'a/b', 'a/b/c', 'd', `${AUDITED}a`, `${AUDITED}b`] as const;
const FILTERS = ['#', '+', 'a/#', 'a/+', 'a/b', '+/b/#', '$share/g/a/#', '$share/h/#', 'audit/+'] as const;
/** Few, so that they collide. */
const PACKET_IDS_MAX = 4;
const QOS = [0, 1, 2] as const;

export function stateCase(name: string, random: SeededRandom): FuzzCase {
  const connections = Array.from({ length: random.integer(1, CONNECTIONS_MAX) }, (): FuzzConnection => ({
    level: random.pick(LEVELS),
  }));
  const writer = new PacketWriter(name, random);
  const steps: FuzzStep[] = [];
  const open = new Set<number>();
  for (let left = random.integer(1, STEPS_MAX); left > 0; left--) {
    const connection = random.integer(0, connections.length - 1);
    const level = connections[connection]?.level ?? 4;
    if (!open.has(connection)) {
      open.add(connection);
      // Rarely something else is first.
      if (!random.chance(0.05)) {
        steps.push(send(connection, writer.connect(level)));
        continue;
      }
    }
    steps.push(stepOf(connection, level, writer, random));
  }
  return { name, connections, steps: [...steps, { do: 'wait' }] };
}

function stepOf(
  connection: number,
  level: ProtocolLevel,
  writer: PacketWriter,
  random: SeededRandom,
): FuzzStep {
  if (random.chance(0.15)) return { do: 'wait' };
  if (random.chance(0.03)) return { do: random.pick(['end', 'reset'] as const), connection };
  if (random.chance(0.06)) return { do: random.pick(['pause', 'resume'] as const), connection };
  // A few in one piece: answers to the first are under way when the last is read.
  const packets = Array.from({ length: random.chance(0.3) ? random.integer(2, 5) : 1 }, () =>
    writer.next(level),
  );
  return send(connection, Buffer.concat(packets));
}

class PacketWriter {
  readonly #name: string;
  readonly #random: SeededRandom;
  #payloads = 0;

  constructor(name: string, random: SeededRandom) {
    this.#name = name;
    this.#random = random;
  }

  connect(level: ProtocolLevel): Buffer {
    const random = this.#random;
    const properties = {
      ...(random.chance(0.5) && { sessionExpiryInterval: random.pick([0, 1, 3_600] as const) }),
      ...(random.chance(0.3) && { receiveMaximum: random.integer(1, 3) }),
      ...(random.chance(0.2) && { maximumPacketSize: random.pick([20, 60, 4_000] as const) }),
      ...(random.chance(0.3) && { topicAliasMaximum: random.integer(0, 3) }),
    };
    const packet: IConnectPacket = {
      cmd: 'connect',
      protocolId: level === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: level,
      clientId: random.pick(CLIENT_IDS),
      clean: random.chance(0.4),
      keepalive: random.pick([0, 1, 60] as const),
      ...(random.chance(0.3) && { will: this.#will(level) }),
      ...(random.chance(0.8) && this.#credentials()),
      ...(level === 5 && { properties }),
    };
    return generate(packet, { protocolVersion: level });
  }

  #credentials(): Partial<IConnectPacket> {
    return this.#random.chance(0.9) ? PLAYER : { ...PLAYER, password: Buffer.from('wrong') };
  }

  next(level: ProtocolLevel): Buffer {
    return generate(this.#packet(level), { protocolVersion: level });
  }

  #packet(level: ProtocolLevel): Packet {
    const random = this.#random;
    const messageId = random.integer(1, PACKET_IDS_MAX);
    const kind = random.integer(0, 99);
    if (kind < 40) return this.#publish(level, messageId);
    if (kind < 60) return { cmd: random.pick(['puback', 'pubrec', 'pubrel', 'pubcomp'] as const), messageId };
    if (kind < 78) return this.#subscribe(messageId);
    if (kind < 86) return { cmd: 'unsubscribe', messageId, unsubscriptions: [random.pick(FILTERS)] };
    if (kind < 94) return { cmd: 'pingreq' };
    if (kind < 96) return { cmd: 'disconnect' };
    if (kind < 98 || level < 5) return { cmd: 'connect', clientId: 'again', protocolVersion: level };
    return {
      cmd: 'auth',
      reasonCode: random.pick([0x18, 0x19] as const),
      properties: { authenticationMethod: 'm' },
    };
  }

  #publish(level: ProtocolLevel, messageId: number): IPublishPacket {
    const random = this.#random;
    const topicAlias = random.integer(1, 3);
    const withAlias = level === 5 && random.chance(0.2);
    const qos = random.pick(QOS);
    return {
      cmd: 'publish',
      topic: withAlias && random.chance(0.5) ? '' : random.pick(TOPICS),
      payload: random.chance(0.05) ? '' : this.#payload(),
      qos,
      dup: qos > 0 && random.chance(0.2),
      retain: random.chance(0.2),
      messageId,
      ...(withAlias && { properties: { topicAlias } }),
    };
  }

  #subscribe(messageId: number): Packet {
    const random = this.#random;
    const subscriptions = Array.from({ length: random.integer(1, 3) }, () => {
      const topic = random.pick(FILTERS);
      const nl = random.chance(0.2) && !topic.startsWith('$share');
      return { topic, qos: random.pick(QOS), nl, rap: random.chance(0.3), rh: random.integer(0, 2) };
    });
    return { cmd: 'subscribe', messageId, subscriptions };
  }

  #will(level: ProtocolLevel): NonNullable<IConnectPacket['will']> {
    const random = this.#random;
    return {
      topic: random.pick(TOPICS),
      payload: Buffer.from(this.#payload()),
      qos: random.pick(QOS),
      retain: random.chance(0.2),
      ...(level === 5 && { properties: { willDelayInterval: random.pick([0, 1] as const) } }),
    };
  }

  /** No two alike in one run. */
  #payload(): string {
    return `${this.#name} #${++this.#payloads}`;
  }
}
