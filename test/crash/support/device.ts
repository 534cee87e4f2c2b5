/**
 * An MQTT client at packet level with one persistent session: it reconnects by itself, sends again what was not
 * acknowledged, and takes QoS 2 exactly once, all by the letter of the standard. Its trace shows every packet as
 * it passes, so that a test can kill the broker right there.
 */
import type { IConnackPacket, IConnectPacket, IPublishPacket, Packet, PacketCmd } from 'mqtt-packet';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QoS } from '../../../src/mqtt/qos.ts';
import type { SeededRandom } from '../../../src/fleet/seeded-random.ts';
import { RawClient } from '../../support/raw-client.ts';
import { PacketIds } from './packet-ids.ts';
import { QoS2Inbox } from './qos2-inbox.ts';

export interface DeviceOptions {
  readonly clientId: string;
  readonly level: 4 | 5;
  readonly port: number;
  readonly random: SeededRandom;
  /** Acknowledgements are held back up to this long, and then sent together. */
  readonly ackHoldMsMax: number;
  /** The broker has promised to know the session already. */
  readonly expectSession?: boolean;
  /** More of CONNECT, such as a will. */
  readonly connect?: Partial<IConnectPacket>;
}

export type Direction = 'sent' | 'received';

interface Publishing {
  readonly packet: IPublishPacket & { messageId: number };
  /** Once sent, every further PUBLISH is a repetition. */
  sent: boolean;
  /** The broker has the message (PUBREC): PUBREL is what must be sent again now. */
  received: boolean;
  readonly settle: (acknowledged: boolean) => void;
}

const SESSION_EXPIRY_S = 3_600;
/** Long enough never to pass in a test: a quiet connection is no broken one. */
const SILENCE_MS_MAX = 600_000;
const RETRY_MS_MIN = 5;
const RETRY_MS_MAX = 40;

export class Device {
  readonly clientId: string;
  /** What the broker did against the standard or its promises, in words. */
  readonly problems: string[] = [];
  onTrace: (direction: Direction, command: PacketCmd) => void = () => undefined;
  onMessage: (topic: string, payload: string, packet: IPublishPacket) => void = () => undefined;
  readonly #options: DeviceOptions;
  readonly #ids = new PacketIds();
  readonly #inbox = new QoS2Inbox();
  /** In the order in which they were first sent. */
  readonly #publishing = new Map<number, Publishing>();
  readonly #requests = new Map<number, (acknowledged: boolean) => void>();
  #held: Packet[] = [];
  #client: RawClient | undefined;
  #established = false;
  #stopped = false;
  #serving: Promise<void> | undefined;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.clientId = options.clientId;
    this.#established = options.expectSession ?? false;
  }

  /** Connected, with nothing unanswered; or stopped. */
  get idle(): boolean {
    if (this.#stopped) return true;
    return this.#client !== undefined && this.#publishing.size === 0 && this.#requests.size === 0;
  }

  get unacknowledged(): number {
    return this.#publishing.size;
  }

  /** Resolves with the first CONNACK; from then on the device stays connected until it is stopped. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#serving = this.#serve(resolve);
    });
  }

  /** Drops the connection for good, without DISCONNECT. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#client?.destroy();
    await this.#serving;
  }

  /** Loses the connection; the device comes back at once. */
  drop(): void {
    this.#client?.destroy();
  }

  /**
   * Sends now, or with the next connection. Resolves with whether the broker took it (PUBACK, PUBCOMP), over as
   * many connections as that needs; false is a reason code of 0x80 or above.
   */
  async publish(topic: string, payload: string, qos: 1 | 2, retain = false): Promise<boolean> {
    const messageId = this.#ids.take();
    const packet: Publishing['packet'] = {
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain,
      dup: false,
      messageId,
    };
    const acknowledged = await new Promise<boolean>((settle) => {
      const sent = this.#send(packet);
      this.#publishing.set(messageId, { packet, sent, received: false, settle });
    });
    this.#ids.release(messageId);
    return acknowledged;
  }

  /** Resolves with false when the connection was lost before SUBACK: then nobody knows. */
  async subscribe(filter: string, qos: QoS = 2): Promise<boolean> {
    return await this.#request((messageId) => ({
      cmd: 'subscribe',
      messageId,
      subscriptions: [{ topic: filter, qos, nl: false, rap: false, rh: 0 }],
    }));
  }

  /** Subscribes again over as many connections as it takes. */
  async subscribed(filter: string): Promise<void> {
    while (!(await this.subscribe(filter))) await this.#connected();
  }

  async unsubscribe(filter: string): Promise<boolean> {
    return await this.#request((messageId) => ({ cmd: 'unsubscribe', messageId, unsubscriptions: [filter] }));
  }

  async #request(packetOf: (messageId: number) => Packet): Promise<boolean> {
    await this.#connected();
    const messageId = this.#ids.take();
    const answered = await new Promise<boolean>((settle) => {
      this.#requests.set(messageId, settle);
      this.#send(packetOf(messageId));
    });
    this.#requests.delete(messageId);
    this.#ids.release(messageId);
    return answered;
  }

  async #connected(): Promise<void> {
    while (this.#client === undefined && !this.#stopped) await sleep(RETRY_MS_MIN);
  }

  async #serve(onFirstConnack: () => void): Promise<void> {
    while (!this.#stopped) {
      await this.#connection(onFirstConnack).catch(() => undefined);
      this.#client = undefined;
      this.#held = [];
      for (const settle of [...this.#requests.values()]) settle(false);
      await sleep(this.#options.random.between(RETRY_MS_MIN, RETRY_MS_MAX));
    }
  }

  /** One connection, from CONNECT until it is lost, which rejects. */
  async #connection(onConnack: () => void): Promise<void> {
    const { level, port, connect } = this.#options;
    const client = await RawClient.open({ port, level });
    if (this.#stopped) {
      client.destroy();
      return;
    }
    client.sendConnect({
      clientId: this.clientId,
      clean: false,
      ...(level === 5 ? { properties: { sessionExpiryInterval: SESSION_EXPIRY_S } } : {}),
      ...connect,
    });
    this.onTrace('sent', 'connect');
    const connack = await client.expect('connack', SILENCE_MS_MAX);
    this.onTrace('received', 'connack');
    this.#client = client;
    this.#resume(connack);
    onConnack();
    for (;;) this.#receive(await client.next(SILENCE_MS_MAX));
  }

  /** [MQTT-4.4.0-1]: unacknowledged PUBLISH with DUP and PUBREL, in the order in which they were first sent. */
  #resume(connack: IConnackPacket): void {
    const code = connack.reasonCode ?? connack.returnCode;
    if (code !== 0) this.problems.push(`${this.clientId}: CONNACK refused with ${code}`);
    if (this.#established && !connack.sessionPresent) {
      this.problems.push(`${this.clientId}: the broker forgot a persistent session`);
    }
    this.#established = true;
    for (const publishing of this.#publishing.values()) {
      if (publishing.received) this.#send({ cmd: 'pubrel', messageId: publishing.packet.messageId });
      else publishing.sent = this.#send({ ...publishing.packet, dup: publishing.sent }) || publishing.sent;
    }
  }

  #receive(packet: Packet): void {
    this.onTrace('received', packet.cmd);
    switch (packet.cmd) {
      case 'publish':
        this.#receivePublish(packet);
        return;
      case 'pubrel':
        this.#inbox.release(packet.messageId ?? 0);
        this.#acknowledge({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 });
        return;
      case 'pubrec':
        this.#receivePubrec(packet.messageId ?? 0, packet.reasonCode ?? 0);
        return;
      case 'puback':
        this.#settle(packet.messageId ?? 0, (packet.reasonCode ?? 0) < 0x80);
        return;
      case 'pubcomp':
        // "Packet identifier not found" answers a PUBREL that is repeated after the message was released: no error.
        this.#settle(packet.messageId ?? 0, true);
        return;
      case 'suback':
      case 'unsuback':
        this.#requests.get(packet.messageId ?? 0)?.(true);
        return;
      default:
        this.problems.push(`${this.clientId}: unexpected ${packet.cmd}`);
    }
  }

  #receivePublish(packet: IPublishPacket): void {
    const payload = packet.payload.toString();
    const messageId = packet.messageId ?? 0;
    if (packet.qos < 2) {
      this.onMessage(packet.topic, payload, packet);
      if (packet.qos === 1) this.#acknowledge({ cmd: 'puback', messageId });
      return;
    }
    const arrival = this.#inbox.accept(messageId, `${packet.topic} ${payload}`, packet.dup);
    if (arrival === 'new') this.onMessage(packet.topic, payload, packet);
    else if (arrival !== 'repeated') this.problems.push(`${this.clientId}: ${arrival}`);
    this.#acknowledge({ cmd: 'pubrec', messageId });
  }

  #receivePubrec(messageId: number, reasonCode: number): void {
    if (reasonCode >= 0x80) {
      this.#settle(messageId, false);
      return;
    }
    const publishing = this.#publishing.get(messageId);
    if (publishing !== undefined) publishing.received = true;
    this.#send({ cmd: 'pubrel', messageId });
  }

  #settle(messageId: number, acknowledged: boolean): void {
    const publishing = this.#publishing.get(messageId);
    if (publishing === undefined) return;
    this.#publishing.delete(messageId);
    publishing.settle(acknowledged);
  }

  /** In order of arrival [MQTT-4.6.0-2], now or together with others a little later. */
  #acknowledge(packet: Packet): void {
    const { random, ackHoldMsMax } = this.#options;
    this.#held.push(packet);
    if (ackHoldMsMax === 0) this.#sendHeld();
    else if (this.#held.length === 1) {
      setTimeout(
        () => {
          this.#sendHeld();
        },
        random.between(0, ackHoldMsMax),
      );
    }
  }

  #sendHeld(): void {
    for (const packet of this.#held.splice(0)) this.#send(packet);
  }

  /** Returns whether there was a connection to write to. */
  #send(packet: Packet): boolean {
    if (this.#client === undefined || this.#client.isClosed) return false;
    this.#client.send(packet);
    this.onTrace('sent', packet.cmd);
    return true;
  }
}
