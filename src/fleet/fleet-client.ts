/**
 * One MQTT client of the fleet, on the MQTT.js client library: it stays subscribed and keeps its unacknowledged
 * messages over every loss of its connection, and comes back by itself, to whichever broker it is told.
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
  /** Asked for each connection anew. */
  readonly address: () => BrokerAddress;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** What the session subscribes to: a persistent one once, a transient one with each connection. */
  readonly filters: readonly string[];
  /** Default 2. */
  readonly subscriptionQos?: QoS;
  /** `transient`: a new session with each connection, which ends with it. Default `persistent`. */
  readonly session?: 'persistent' | 'transient';
  readonly keepAliveS?: number;
  readonly connectTimeoutMs?: number;
  /** Of a client's first, second … CONNECT; default: none. */
  readonly will?: (connection: number) => FleetWill;
  /** Messages that may wait while the connection is away, and be unacknowledged on it. */
  readonly backlogMax: number;
  readonly random: SeededRandom;
}

export interface FleetWill {
  readonly topic: string;
  readonly payload: string;
  readonly qos: QoS;
}

/** `connected`: CONNACK accepted it. `subscribed`: SUBACK came on this connection. `lost`: it is closed, however it came to that. */
export interface ConnectionEvent {
  readonly type: 'connecting' | 'connected' | 'subscribed' | 'lost';
  readonly clientId: string;
  /** Counts the client's CONNECTs from 1. */
  readonly connection: number;
  readonly address: BrokerAddress;
}

export interface FleetClientListener {
  onMessage(topic: string, payload: Buffer, qos: QoS, isRepeat: boolean): void;
  /** Told in order; every connection ends with `lost`. */
  onConnection?(event: ConnectionEvent): void;
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
  readonly retain: boolean;
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
  #connections = 0;
  #connection: ConnectionEvent | undefined;
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
    const transient = options.session === 'transient';
    this.#client = new MqttClient(() => this.#openLink(), {
      clientId: options.clientId,
      protocolVersion: options.level,
      clean: transient,
      keepalive: options.keepAliveS ?? KEEP_ALIVE_S,
      connectTimeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      reconnectPeriod: 0,
      manualConnect: true,
      // A broker that forgets subscriptions must be found out, not helped.
      resubscribe: false,
      queueQoSZero: false,
      ...credentials(options),
      ...(options.level === 5
        ? {
            properties: {
              sessionExpiryInterval: transient ? 0 : SESSION_EXPIRY_S,
              receiveMaximum: RECEIVE_MAXIMUM,
            },
          }
        : {}),
      ...this.#stores,
    });
    this.#listen();
    this.#client.connect();
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
  publish(
    topic: string,
    payload: string,
    qos: QoS,
    settle: (outcome: PublishOutcome) => void,
    retain = false,
  ): void {
    if (qos === 0) {
      this.#client.publish(topic, payload, { qos, retain });
      return;
    }
    this.#backlog.push({ topic, payload, qos, retain, settle });
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
    const cleaner = new MqttClient(() => new RadioLink(address()), {
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
      this.#listener.onMessage(topic, payload, packet.qos, packet.dup);
    });
    this.#client.on('packetreceive', (packet) => {
      // The library says `connect` only when all that it sends again has been answered.
      if (packet.cmd === 'connack' && (packet.reasonCode ?? packet.returnCode) === 0) this.#tell('connected');
    });
    this.#client.on('close', () => {
      this.#ready = false;
      this.#tell('lost');
      this.#connection = undefined;
      if (!this.#ended) this.#scheduleReconnect();
    });
    this.#client.on('error', (error) => {
      this.#onError(error);
    });
  }

  #openLink(): RadioLink {
    const address = this.#options.address();
    const { clientId } = this;
    this.#connection = { type: 'connecting', clientId, connection: ++this.#connections, address };
    const will = this.#options.will?.(this.#connections);
    // The library reads it after it has opened the stream.
    if (will !== undefined) this.#client.options.will = { ...will, retain: false };
    this.#tell('connecting');
    this.#link = new RadioLink(address);
    return this.#link;
  }

  #tell(type: ConnectionEvent['type']): void {
    if (this.#connection !== undefined) this.#listener.onConnection?.({ ...this.#connection, type });
  }

  #onConnected(sessionPresent: boolean): void {
    if (this.#options.session === 'transient') this.#subscribed = false;
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
    const qos = this.#options.subscriptionQos ?? 2;
    this.#client.subscribe([...this.#options.filters], { qos }, (error, _granted, suback) => {
      if (error === null) this.#markSubscribed();
      // Without a SUBACK the connection was lost: the next one subscribes again.
      else if (suback !== undefined) this.#listener.onComplaint(this.clientId, error.message);
    });
  }

  #markSubscribed(): void {
    this.#subscribed = true;
    this.#tell('subscribed');
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

  #send({ topic, payload, qos, retain, settle }: Outgoing): void {
    this.#unanswered++;
    this.#client.publish(topic, payload, { qos, retain }, (error) => {
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
