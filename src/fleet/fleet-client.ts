/**
 * One persistent MQTT session of the fleet, on the MQTT.js client library: it stays subscribed and keeps its
 * unacknowledged messages over every loss of its connection, and comes back by itself.
 *
 * It never judges: what was acknowledged and what arrived is told to its listener, who keeps the ledger.
 */
import { MqttClient, Store, type IPublishPacket } from 'mqtt';
import type { QoS } from '../mqtt/qos.ts';
import { RadioLink, type BrokerAddress, type Outage } from './radio-link.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface FleetClientOptions {
  readonly clientId: string;
  readonly level: 4 | 5;
  readonly address: BrokerAddress;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** What the session subscribes to, once, with QoS 2. */
  readonly filters: readonly string[];
  /** Messages that may wait while the connection is away, and be unacknowledged on it. */
  readonly backlogMax: number;
  readonly random: SeededRandom;
}

export interface FleetClientListener {
  onMessage(topic: string, payload: Buffer, qos: QoS): void;
  /** CONNACK said that the broker does not know the session, although it had acknowledged its subscriptions. */
  onSessionForgotten(clientId: string): void;
  /** The library or the broker complained about the protocol; losing the connection is no complaint. */
  onComplaint(clientId: string, complaint: string): void;
}

export type PublishOutcome = 'acknowledged' | 'refused';

interface Outgoing {
  readonly topic: string;
  readonly payload: string;
  readonly qos: QoS;
  readonly settle: (outcome: PublishOutcome) => void;
}

const SESSION_EXPIRY_S = 3_600;
const KEEP_ALIVE_S = 15;
const CONNECT_TIMEOUT_MS = 10_000;
/** Unacknowledged publishes per connection, unless the broker's receive maximum is lower. */
const WINDOW_MAX = 32;
/** What the client lets the broker send unacknowledged; small, so that flow control is exercised. */
const RECEIVE_MAXIMUM = 24;
const PACKET_IDENTIFIER_NOT_FOUND = 0x92;
const RETRY_MS_MIN = 40;
const RETRY_MS_MAX = 220;
const CONNECTION_LOST_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
]);
/** MQTT.js passes these through as errors although they only say that the connection is away. */
const CONNECTION_LOST_MESSAGES: ReadonlySet<string> = new Set(['connack timeout', 'Keepalive timeout']);

export class FleetClient {
  readonly clientId: string;
  readonly #options: FleetClientOptions;
  readonly #listener: FleetClientListener;
  readonly #stores = {
    incomingStore: new Store({ clean: false }),
    outgoingStore: new Store({ clean: false }),
  };
  readonly #client: MqttClient;
  readonly #backlog: Outgoing[] = [];
  #link: RadioLink | undefined;
  /** The library has sent again what an earlier connection left unacknowledged: new messages may follow. */
  #ready = false;
  #subscribed = false;
  #unanswered = 0;
  #retry: NodeJS.Timeout | undefined;
  #offlineUntilMs = 0;
  #readySinceMs = 0;
  #ended = false;
  #onSubscribed: (() => void) | undefined;

  constructor(options: FleetClientOptions, listener: FleetClientListener) {
    this.clientId = options.clientId;
    this.#options = options;
    this.#listener = listener;
    this.#client = new MqttClient(() => (this.#link = new RadioLink(options.address)), {
      clientId: options.clientId,
      protocolVersion: options.level,
      clean: false,
      keepalive: KEEP_ALIVE_S,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectPeriod: 0,
      // A broker that forgets subscriptions must be found out, not helped.
      resubscribe: false,
      queueQoSZero: false,
      ...credentials(options),
      ...(options.level === 5
        ? { properties: { sessionExpiryInterval: SESSION_EXPIRY_S, receiveMaximum: RECEIVE_MAXIMUM } }
        : {}),
      ...this.#stores,
    });
    this.#listen();
  }

  get online(): boolean {
    return this.#ready;
  }

  /** `performance.now()` of the moment the client could last send and receive; only while it is online. */
  get onlineSinceMs(): number {
    return this.#readySinceMs;
  }

  /** Every publish was answered and nothing waits. */
  get idle(): boolean {
    return this.#ready && this.#unanswered === 0 && this.#backlog.length === 0;
  }

  /** Resolves when the broker has acknowledged the subscriptions. */
  async subscribed(): Promise<void> {
    if (this.#subscribed) return;
    await new Promise<void>((resolve) => {
      this.#onSubscribed = resolve;
    });
  }

  /** Whether a publish now would be taken: QoS 0 only while online, QoS 1 and 2 while the backlog has room. */
  accepts(qos: QoS): boolean {
    return qos === 0 ? this.#ready : this.#backlog.length < this.#options.backlogMax;
  }

  /** Sends now or, QoS 1 and 2, when the connection is back. `settle` is called at most once, never for QoS 0. */
  publish(topic: string, payload: string, qos: QoS, settle: (outcome: PublishOutcome) => void): void {
    if (qos === 0) {
      this.#client.publish(topic, payload, { qos });
      return;
    }
    this.#backlog.push({ topic, payload, qos, settle });
    this.#flush();
  }

  /** Loses the connection without a DISCONNECT and stays away for `spellMs`. */
  drop(outage: Outage, spellMs: number): void {
    this.#offlineUntilMs = performance.now() + spellMs;
    this.#ready = false;
    this.#link?.break(outage);
  }

  /** Ends a spell early. */
  comeBack(): void {
    this.#offlineUntilMs = 0;
    if (this.#retry !== undefined) this.#scheduleReconnect();
  }

  /** Closes for good, abruptly; the session stays at the broker. */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#retry);
    await this.#client.endAsync(true);
  }

  /** After `end`: makes the broker forget the session, unless it cannot be reached. */
  async discard(): Promise<void> {
    const { level, address } = this.#options;
    const cleaner = new MqttClient(() => new RadioLink(address), {
      clientId: this.clientId,
      protocolVersion: level,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...credentials(this.#options),
    });
    await new Promise<void>((resolve) => {
      cleaner.once('connect', () => {
        resolve();
      });
      cleaner.once('error', () => {
        resolve();
      });
      cleaner.once('close', () => {
        resolve();
      });
    });
    await cleaner.endAsync();
  }

  #listen(): void {
    this.#client.on('connect', (packet) => {
      this.#onConnected(packet.sessionPresent);
    });
    this.#client.on('message', (topic, payload, packet: IPublishPacket) => {
      this.#listener.onMessage(topic, payload, packet.qos);
    });
    this.#client.on('close', () => {
      this.#ready = false;
      if (!this.#ended) this.#scheduleReconnect();
    });
    this.#client.on('error', (error) => {
      this.#onError(error);
    });
  }

  #onConnected(sessionPresent: boolean): void {
    if (this.#subscribed && !sessionPresent) this.#listener.onSessionForgotten(this.clientId);
    this.#ready = true;
    this.#readySinceMs = performance.now();
    if (this.#subscribed) this.#flush();
    else this.#subscribe();
  }

  #subscribe(): void {
    if (this.#options.filters.length === 0) {
      this.#markSubscribed();
      return;
    }
    this.#client.subscribe([...this.#options.filters], { qos: 2 }, (error, _granted, suback) => {
      if (error === null) this.#markSubscribed();
      // Without a SUBACK the connection was lost: the next one subscribes again.
      else if (suback !== undefined) this.#listener.onComplaint(this.clientId, error.message);
    });
  }

  #markSubscribed(): void {
    this.#subscribed = true;
    this.#onSubscribed?.();
    this.#flush();
  }

  #flush(): void {
    const windowMax = Math.min(WINDOW_MAX, this.#client.serverProperties?.receiveMaximum ?? WINDOW_MAX);
    while (this.#ready && this.#unanswered < windowMax) {
      const next = this.#backlog.shift();
      if (next === undefined) return;
      this.#send(next);
    }
  }

  #send({ topic, payload, qos, settle }: Outgoing): void {
    this.#unanswered++;
    this.#client.publish(topic, payload, { qos }, (error) => {
      this.#unanswered--;
      settle(!error || isRepeatedRelease(error) ? 'acknowledged' : 'refused');
      this.#flush();
    });
  }

  #scheduleReconnect(): void {
    clearTimeout(this.#retry);
    const spellMs = Math.max(0, this.#offlineUntilMs - performance.now());
    const jitterMs = this.#options.random.between(RETRY_MS_MIN, RETRY_MS_MAX);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      // The same stores: unacknowledged publishes and half-done QoS 2 exchanges outlive the connection.
      this.#client.reconnect(this.#stores);
    }, spellMs + jitterMs);
  }

  #onError(error: Error): void {
    if ('code' in error && typeof error.code === 'string' && CONNECTION_LOST_CODES.has(error.code)) return;
    if (CONNECTION_LOST_MESSAGES.has(error.message)) return;
    this.#listener.onComplaint(this.clientId, error.message);
  }
}

/**
 * PUBCOMP 0x92 answers a PUBREL that the client repeats after a crash while the broker has long released the
 * message: the standard says that this is not an error, MQTT.js says that it is.
 */
function isRepeatedRelease(error: Error): boolean {
  return 'code' in error && error.code === PACKET_IDENTIFIER_NOT_FOUND;
}

function credentials({ username, password }: FleetClientOptions): { username?: string; password?: string } {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}
