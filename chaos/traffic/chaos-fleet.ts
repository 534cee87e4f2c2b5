/**
 * The clients of a proof: bikes that report and obey, dispatchers that unlock and lock them, and those who listen at the office. Says who
 * they are and what each does; when, is up to `traffic.ts`.
 */
import { FleetClient, type ConnectionEvent, type FleetClientOptions } from '../../src/fleet/fleet-client.ts';
import type { SeededRandom } from '../../src/fleet/seeded-random.ts';
import type { QoS } from '../../src/mqtt/qos.ts';
import type { Judge } from '../judge/judge.ts';
import { Receiver } from '../judge/receiver.ts';
import { RetainedWatch } from '../judge/retained-watch.ts';
import type { Stream } from '../judge/stream.ts';
import { WillWatch } from '../judge/will-watch.ts';
import type { AddressBook, NextAddress } from './address-book.ts';
import type { MessageDesk } from './message-desk.ts';
import { decodeWill, willOf } from './will-message.ts';

export interface ChaosFleetOptions {
  readonly bikes: number;
  readonly addresses: AddressBook;
  readonly random: SeededRandom;
  readonly judge: Judge;
  readonly desk: MessageDesk;
  readonly onConnection: (event: ConnectionEvent) => void;
}

export interface Bike {
  readonly name: string;
  readonly client: FleetClient;
  /** Loses its radio link by itself all the time. */
  readonly isFlaky: boolean;
  readonly telemetry: readonly Stream[];
  readonly state: Stream;
  readonly commands: readonly Stream[];
  reports: number;
}

type ClientChoice = Pick<
  FleetClientOptions,
  'level' | 'filters' | 'subscriptionQos' | 'session' | 'keepAliveS' | 'will'
> & { readonly name: string; readonly address: NextAddress; readonly receiver: Receiver | undefined };

/** One in so many bikes is flaky. */
const FLAKY_ONE_IN = 5;
const DISPATCHERS = 2;
const WORKERS = 2;
/** Some clients soon find out that a broker does not answer, others wait for it and meet it when it wakes. */
const QUICK_KEEP_ALIVE_S = 5;
const PATIENT_KEEP_ALIVE_S = 60;
const CONNECT_TIMEOUT_MS = 5_000;
/** What may wait in one client: minutes of traffic. */
const BACKLOG_MAX = 20_000;
const PUBLISH_QOS: readonly QoS[] = [1, 2];
const ACTIONS = ['unlock', 'lock'] as const;
const GROUP = 'backend';
export const STATE_FILTER = 'fleet/+/state';

export class ChaosFleet {
  readonly bikes: readonly Bike[];
  readonly dispatchers: readonly FleetClient[];
  readonly office: readonly FleetClient[];
  readonly wills = new WillWatch();
  readonly retained: RetainedWatch;
  readonly #options: ChaosFleetOptions;
  readonly #complaints = new Map<string, number>();
  readonly #depot = new Receiver('depot', 'session', 2);
  readonly #monitor = new Receiver('monitor', 'transient', 1);
  readonly #group = new Receiver(GROUP, 'group', 2);

  /** Begins to connect at once. */
  constructor(options: ChaosFleetOptions) {
    this.#options = options;
    const { addresses } = options;
    const telemetry = 'fleet/+/telemetry';
    this.bikes = Array.from({ length: options.bikes }, (_none, index) => this.#bike(index));
    this.dispatchers = Array.from({ length: DISPATCHERS }, (_none, index) =>
      this.#connect({
        name: `dispatcher-${index + 1}`,
        level: index % 2 === 0 ? 5 : 4,
        address: index % 2 === 0 ? addresses.oneByOne(index) : addresses.throughFront(index),
        filters: [],
        receiver: undefined,
      }),
    );
    const depot: ClientChoice = {
      name: 'depot',
      level: 5,
      address: addresses.oneByOne(0),
      filters: [telemetry, 'fleet/+/lost'],
      receiver: this.#depot,
    };
    const monitor: ClientChoice = {
      name: 'monitor',
      level: 5,
      address: addresses.oneByOne(1),
      session: 'transient',
      subscriptionQos: 1,
      filters: [telemetry],
      receiver: this.#monitor,
    };
    const workers = Array.from({ length: WORKERS }, (_none, index): ClientChoice => ({
      name: `worker-${index + 1}`,
      level: 5,
      address: addresses.oneByOne(index + 1),
      filters: [`$share/${GROUP}/${telemetry}`],
      receiver: this.#group,
    }));
    this.office = [depot, monitor, ...workers].map((choice) => this.#connect(choice));
    this.retained = new RetainedWatch(this.bikes.map(({ state }) => state));
  }

  get clients(): readonly FleetClient[] {
    return [...this.bikes.map(({ client }) => client), ...this.dispatchers, ...this.office];
  }

  /** Those who only lose their connection when something else goes wrong. */
  get steadyClients(): readonly FleetClient[] {
    const steady = this.bikes.filter(({ isFlaky }) => !isFlaky).map(({ client }) => client);
    return [...steady, ...this.dispatchers, ...this.office];
  }

  /** What clients had to object to, and how often. */
  get complaints(): ReadonlyMap<string, number> {
    return this.#complaints;
  }

  get isIdle(): boolean {
    return this.clients.every((client) => client.idle);
  }

  /** Resolves when everybody is subscribed. */
  async assemble(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.subscribed()));
  }

  /** Everybody connects anew, so that each broker has its share of the clients again. */
  spread(): void {
    this.#options.addresses.beginAnew();
    for (const client of this.steadyClients) client.drop('closed', 0);
  }

  async end(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()));
  }

  /** The bike tells where it is, with QoS 1 and 2 in turn. */
  report(bike: Bike): void {
    const stream = bike.telemetry[bike.reports++ % bike.telemetry.length];
    if (stream !== undefined) this.#options.desk.publish(bike.client, stream);
  }

  /** The bike replaces its retained state. */
  restate(bike: Bike): void {
    this.#options.desk.publish(bike.client, bike.state, true);
  }

  /** A dispatcher, always the same for a bike, tells it something. */
  command(bike: Bike, choice: number): void {
    const dispatcher = this.dispatchers[this.bikes.indexOf(bike) % this.dispatchers.length];
    const stream = bike.commands[choice % bike.commands.length];
    if (dispatcher !== undefined && stream !== undefined) this.#options.desk.publish(dispatcher, stream);
  }

  #bike(index: number): Bike {
    const { judge, addresses } = this.#options;
    const name = bikeName(index);
    const self = new Receiver(name, 'session', 2);
    const open = (topic: string, qos: QoS, receivers: readonly Receiver[], publisher = name) =>
      judge.open(publisher, `fleet/${name}/${topic}`, qos, receivers);
    const listeners = [this.#depot, this.#monitor, this.#group];
    const client = this.#connect({
      name,
      level: index % 2 === 0 ? 5 : 4,
      address: index % 4 < 2 ? addresses.throughFront(index) : addresses.oneByOne(index),
      keepAliveS: index % 8 < 4 ? QUICK_KEEP_ALIVE_S : PATIENT_KEEP_ALIVE_S,
      filters: [`fleet/${name}/cmd/+`],
      receiver: self,
      will: (connection) => willOf(willTopic(name), { client: name, connection }),
    });
    const dispatcher = `dispatcher-${(index % DISPATCHERS) + 1}`;
    return {
      name,
      client,
      isFlaky: isFlaky(index),
      telemetry: PUBLISH_QOS.map((qos) => open('telemetry', qos, listeners)),
      state: open('state', 1, []),
      commands: ACTIONS.flatMap((action) =>
        PUBLISH_QOS.map((qos) => open(`cmd/${action}`, qos, [self], dispatcher)),
      ),
      reports: 0,
    };
  }

  #connect(choice: ClientChoice): FleetClient {
    const { name, receiver, address, ...rest } = choice;
    let from = '';
    return new FleetClient(
      {
        keepAliveS: QUICK_KEEP_ALIVE_S,
        ...rest,
        clientId: name,
        address,
        username: undefined,
        password: undefined,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        backlogMax: BACKLOG_MAX,
        random: this.#options.random.fork(name),
      },
      {
        onMessage: (topic, payload, qos, isRepeat) => {
          if (topic.endsWith('/lost')) this.#will(topic, payload);
          else if (receiver !== undefined)
            this.#options.desk.receive({ client: name, receiver, topic, payload, qos, isRepeat, from });
        },
        onConnection: (event) => {
          from = `${event.address.host}:${event.address.port}`;
          if (choice.will !== undefined) this.#watchWill(event);
          if (receiver !== undefined) this.#tellJudge(receiver, event);
          this.#options.onConnection(event);
        },
        onSessionForgotten: () => {
          const atMs = performance.now();
          this.#options.judge.report({ kind: 'sessionForgotten', atMs, topic: '', receiver: name });
        },
        onComplaint: (_clientId, complaint) => {
          this.#complaints.set(complaint, (this.#complaints.get(complaint) ?? 0) + 1);
        },
      },
    );
  }

  #tellJudge(receiver: Receiver, { type }: ConnectionEvent): void {
    if (type === 'subscribed') this.#options.judge.subscribed(receiver, performance.now());
    if (type === 'lost') this.#options.judge.left(receiver);
  }

  #watchWill({ type, clientId, connection }: ConnectionEvent): void {
    if (type === 'connecting') this.wills.connecting(clientId, connection);
    if (type === 'connected') this.wills.accepted(clientId, connection);
    if (type === 'lost') this.wills.ended(clientId, connection, performance.now());
  }

  #will(topic: string, payload: Buffer): void {
    const nowMs = performance.now();
    const will = decodeWill(payload);
    const violation =
      will === undefined
        ? ({ kind: 'phantom', atMs: nowMs, topic, detail: 'no will of the fleet' } as const)
        : this.wills.arrived(topic, will.client, will.connection, nowMs);
    if (violation !== undefined) this.#options.judge.report(violation);
  }
}

export function willTopic(bike: string): string {
  return `fleet/${bike}/lost`;
}

/** The names of those that lose their connection by themselves. */
export function flakyBikes(bikes: number): ReadonlySet<string> {
  return new Set(
    Array.from({ length: bikes }, (_none, index) => index)
      .filter(isFlaky)
      .map(bikeName),
  );
}

function isFlaky(index: number): boolean {
  return index % FLAKY_ONE_IN === FLAKY_ONE_IN - 1;
}

function bikeName(index: number): string {
  return `bike-${String(index + 1).padStart(3, '0')}`;
}
