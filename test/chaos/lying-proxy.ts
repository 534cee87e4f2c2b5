/**
 * Between one client and an honest broker: once each, it keeps a message to itself and acknowledges it, delivers a QoS 2 message a second
 * time, and lets a message pass the one before it. Everybody else's bytes go through as they are. The proof must find it out.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { generate, parser, type IPublishPacket, type Packet } from 'mqtt-packet';

export type Lie = 'lose' | 'double' | 'swap';

const LEVEL = 5;
/** So many messages are delivered faithfully at first. */
const LIE_AFTER = 5;

export class LyingProxy {
  readonly port: number;
  readonly #close: () => void;

  /** `victim`: client identifier. */
  static async start(brokerPort: number, victim: string, lies: readonly Lie[]): Promise<LyingProxy> {
    const sockets = new Set<Socket>();
    const left = new Set(lies);
    const server = createServer({ noDelay: true }, (client) => {
      const broker = connect({ host: '127.0.0.1', port: brokerPort, noDelay: true });
      for (const [one, other] of [
        [client, broker],
        [broker, client],
      ] as const) {
        sockets.add(one);
        one
          .on('error', () => undefined)
          .on('close', () => {
            sockets.delete(one);
            other.destroy();
          });
      }
      client.once('data', (first: Buffer) => {
        client.pause();
        broker.write(first);
        if (clientIdOf(first) === victim) new LiedToClient(client, broker, left).begin();
        else {
          client.pipe(broker);
          broker.pipe(client);
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LyingProxy((server.address() as AddressInfo).port, () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
  }

  private constructor(port: number, close: () => void) {
    this.port = port;
    this.#close = close;
  }

  close(): void {
    this.#close();
  }
}

function clientIdOf(connect: Buffer): string | undefined {
  let clientId: string | undefined;
  parser()
    .on('packet', (packet) => {
      if (packet.cmd === 'connect') clientId = packet.clientId;
    })
    .parse(connect);
  return clientId;
}

class LiedToClient {
  readonly #client: Socket;
  readonly #broker: Socket;
  readonly #lies: Set<Lie>;
  #publishes = 0;
  /** Its second delivery begins when the client has completed the first. */
  #doubled: IPublishPacket | undefined;
  #forgedId: number | undefined;
  /** Held until a later one of its stream has passed. */
  #held: IPublishPacket | undefined;

  constructor(client: Socket, broker: Socket, lies: Set<Lie>) {
    this.#client = client;
    this.#broker = broker;
    this.#lies = lies;
  }

  begin(): void {
    this.#broker.once('close', () => {
      // Whoever was not told it yet is told it on the next connection.
      if (this.#held !== undefined) this.#lies.add('swap');
      if (this.#doubled !== undefined) this.#lies.add('double');
    });
    const down = parser({ protocolVersion: LEVEL });
    down.on('packet', (packet) => {
      if (packet.cmd === 'publish') this.#deliver(packet);
      else this.#tellClient(packet);
    });
    this.#broker.on('data', (chunk) => down.parse(chunk));
    const up = parser({ protocolVersion: LEVEL });
    up.on('packet', (packet) => {
      this.#answer(packet);
    });
    this.#client.on('data', (chunk) => up.parse(chunk)).resume();
  }

  #deliver(packet: IPublishPacket): void {
    const { messageId = 0, qos, topic } = packet;
    const canLie = topic.endsWith('/telemetry') && ++this.#publishes > LIE_AFTER;
    if (canLie && qos === 1 && this.#lies.delete('lose')) {
      this.#tellBroker({ cmd: 'puback', messageId, reasonCode: 0 });
      return;
    }
    if (canLie && qos === 1 && this.#lies.delete('swap')) {
      this.#held = packet;
      return;
    }
    if (canLie && qos === 2 && this.#lies.delete('double')) this.#doubled = packet;
    this.#tellClient(packet);
    if (this.#held === undefined || this.#held.topic !== packet.topic || this.#held.qos !== qos) return;
    this.#tellClient(this.#held);
    this.#held = undefined;
  }

  #answer(packet: Packet): void {
    const { messageId = 0 } = packet;
    const isForged = messageId === this.#forgedId;
    if (isForged && packet.cmd === 'pubrec') {
      this.#tellClient({ cmd: 'pubrel', messageId, reasonCode: 0 });
      return;
    }
    if (isForged && packet.cmd === 'pubcomp') {
      this.#forgedId = undefined;
      return;
    }
    this.#tellBroker(packet);
    if (packet.cmd !== 'pubcomp' || messageId !== this.#doubled?.messageId) return;
    this.#forgedId = messageId;
    this.#tellClient(this.#doubled);
    this.#doubled = undefined;
  }

  #tellClient(packet: Packet): void {
    this.#client.write(generate(packet, { protocolVersion: LEVEL }));
  }

  #tellBroker(packet: Packet): void {
    this.#broker.write(generate(packet, { protocolVersion: LEVEL }));
  }
}
