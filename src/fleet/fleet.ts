/**
 * The clients of a replay: bikes that report where they are, operators that unlock and lock them, a depot that
 * listens to all of them. Says what each of them does; when, is up to the run.
 */
import type { LockAction, PlannedCommand } from './fleet-plan.ts';
import { FleetClient, type FleetClientListener, type FleetClientOptions } from './fleet-client.ts';
import type { MessageBooks } from './message-books.ts';
import type { BrokerAddress } from './radio-link.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface FleetOptions {
  readonly bikes: number;
  readonly run: string;
  readonly address: BrokerAddress;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly random: SeededRandom;
}

const LOCK_ACTIONS: readonly LockAction[] = ['unlock', 'lock'];
const BIKES_PER_OPERATOR = 100;
const BIKE_BACKLOG_MAX = 500;
const OPERATOR_BACKLOG_MAX = 20_000;

export interface Bike {
  readonly name: string;
  readonly client: FleetClient;
  trips: number;
  reports: number;
}

export class Fleet {
  readonly bikes: readonly Bike[];
  readonly operators: readonly FleetClient[];
  readonly depot: FleetClient;
  /** Sessions that the broker had promised to keep and did not know any more. */
  sessionsForgotten = 0;
  readonly #books: MessageBooks;
  readonly #complaints = new Map<string, number>();

  /** Begins to connect at once. */
  constructor(options: FleetOptions, books: MessageBooks) {
    this.#books = books;
    const digits = String(options.bikes).length;
    this.bikes = Array.from({ length: options.bikes }, (_none, index) => {
      const name = `bike-${String(index + 1).padStart(digits, '0')}`;
      const client = this.#connect(options, name, index, [`fleet/${name}/cmd/+`], BIKE_BACKLOG_MAX);
      return { name, client, trips: 0, reports: 0 };
    });
    this.operators = Array.from({ length: Math.ceil(options.bikes / BIKES_PER_OPERATOR) }, (_none, index) =>
      this.#connect(options, `operator-${index + 1}`, index, [], OPERATOR_BACKLOG_MAX),
    );
    this.depot = this.#connect(options, 'depot', 1, ['fleet/+/telemetry'], 0);
  }

  get clients(): readonly FleetClient[] {
    return [...this.bikes.map((bike) => bike.client), ...this.operators, this.depot];
  }

  /** What clients had to object to, and how often. */
  get complaints(): ReadonlyMap<string, number> {
    return this.#complaints;
  }

  /** Resolves when everybody is subscribed: from then on the ledger may count on deliveries. */
  async assemble(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.subscribed()));
    const { ledger } = this.#books;
    for (const { name, client } of this.bikes) {
      for (const action of LOCK_ACTIONS) {
        for (const qos of [1, 2] as const) ledger.open(commandTopic(name, action), qos, [client.clientId]);
      }
      for (const qos of [0, 1] as const) ledger.open(telemetryTopic(name), qos, [this.depot.clientId]);
    }
  }

  /** The operator unlocks or locks the bike. QoS 1 and 2 alternate, over trips as well as within one. */
  command({ bike: index, action, station }: PlannedCommand): void {
    const bike = this.bikes[index];
    const operator = this.operators[index % this.operators.length];
    if (bike === undefined || operator === undefined) return;
    if (action === 'unlock') bike.trips++;
    const qos = (bike.trips % 2 === 1) === (action === 'unlock') ? 1 : 2;
    this.#books.publish(operator, commandTopic(bike.name, action), qos, { station });
  }

  /** The bike reports its state: QoS 0 and QoS 1 in turn. */
  report(bike: Bike): void {
    bike.reports++;
    const qos = bike.reports % 2 === 0 ? 0 : 1;
    this.#books.publish(bike.client, telemetryTopic(bike.name), qos, {
      trips: bike.trips,
      battery: Math.max(0, 100 - bike.reports / 50),
    });
  }

  /** Every second client speaks MQTT 5, the others 3.1.1. */
  #connect(
    options: FleetOptions,
    name: string,
    index: number,
    filters: readonly string[],
    backlogMax: number,
  ): FleetClient {
    const clientOptions: FleetClientOptions = {
      clientId: `${options.run}-${name}`,
      level: index % 2 === 0 ? 5 : 4,
      address: () => options.address,
      username: options.username,
      password: options.password,
      filters,
      backlogMax,
      random: options.random.fork(name),
    };
    const client: FleetClient = new FleetClient(
      clientOptions,
      this.#listenerOf(() => client),
    );
    return client;
  }

  #listenerOf(client: () => FleetClient): FleetClientListener {
    return {
      onMessage: (topic, payload, qos) => {
        this.#books.receive(client(), topic, payload, qos);
      },
      onSessionForgotten: () => {
        this.sessionsForgotten++;
      },
      onComplaint: (_clientId, complaint) => {
        this.#complaints.set(complaint, (this.#complaints.get(complaint) ?? 0) + 1);
      },
    };
  }
}

function commandTopic(bike: string, action: LockAction): string {
  return `fleet/${bike}/cmd/${action}`;
}

function telemetryTopic(bike: string): string {
  return `fleet/${bike}/telemetry`;
}
