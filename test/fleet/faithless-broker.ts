/**
 * A broker that acknowledges everything and keeps nothing: what it is told to deliver it delivers, the rest it
 * forgets. The replay must find it out.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { generate, parser, type IPublishPacket, type Packet } from 'mqtt-packet';

/** How often one message goes to its subscribers: 0 loses it, 2 duplicates it. */
export type Faith = (packet: IPublishPacket) => number;

interface Subscriber {
  readonly socket: Socket;
  readonly level: number;
  readonly filters: RegExp[];
}

const MQTT_5 = 5;

export class FaithlessBroker {
  readonly #faith: Faith;
  readonly #server: Server;
  /** By client identifier: the one thing it does not forget. */
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #sockets = new Set<Socket>();
  #packetId = 0;

  constructor(faith: Faith) {
    this.#faith = faith;
    this.#server = createServer((socket) => {
      this.#serve(socket);
    });
  }

  /** Resolves with its URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #serve(socket: Socket): void {
    let clientId = '';
    const decoder = parser();
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
    });
    socket.on('data', (chunk) => decoder.parse(chunk));
    decoder.on('packet', (packet) => {
      if (packet.cmd === 'connect') clientId = packet.clientId;
      this.#answer(socket, clientId, packet);
    });
  }

  #answer(socket: Socket, clientId: string, packet: Packet): void {
    const subscriber = this.#subscribers.get(clientId);
    const level = packet.cmd === 'connect' ? (packet.protocolVersion ?? 4) : (subscriber?.level ?? 4);
    const reply = (answer: Packet) => socket.write(generate(answer, { protocolVersion: level }));
    const messageId = packet.messageId ?? 0;
    switch (packet.cmd) {
      case 'connect':
        this.#subscribers.set(clientId, { socket, level, filters: subscriber?.filters ?? [] });
        reply({ cmd: 'connack', sessionPresent: subscriber !== undefined, reasonCode: 0, returnCode: 0 });
        return;
      case 'subscribe':
        subscriber?.filters.push(
          ...packet.subscriptions.map(({ topic }) => new RegExp(`^${topic.replaceAll('+', '[^/]+')}$`)),
        );
        reply({ cmd: 'suback', messageId, granted: packet.subscriptions.map(() => 2) });
        return;
      case 'publish':
        for (let copy = 0; copy < this.#faith(packet); copy++) this.#deliver(packet);
        if (packet.qos === 1) reply({ cmd: 'puback', messageId });
        if (packet.qos === 2) reply({ cmd: 'pubrec', messageId });
        return;
      case 'pubrec':
        reply({ cmd: 'pubrel', messageId });
        return;
      case 'pubrel':
        reply({ cmd: 'pubcomp', messageId });
        return;
      default:
    }
  }

  #deliver({ topic, payload, qos }: IPublishPacket): void {
    for (const { socket, level, filters } of this.#subscribers.values()) {
      if (!filters.some((filter) => filter.test(topic))) continue;
      const messageId = (this.#packetId = (this.#packetId % 65_535) + 1);
      const properties = level === MQTT_5 ? { properties: {} } : {};
      const copy: Packet = {
        cmd: 'publish',
        topic,
        payload,
        qos,
        messageId,
        dup: false,
        retain: false,
        ...properties,
      };
      socket.write(generate(copy, { protocolVersion: level }));
    }
  }
}
