/** One tenant on the measured broker: pairs of clients of its own in a driver process of their own, and what they publish. */
import type { TrafficResult } from '../driver/calls.ts';
import { DriverProcess } from '../driver/driver-process.ts';
import type { Qos } from '../driver/wire.ts';

export interface TenantTraffic {
  readonly pairs: number;
  readonly persistent: boolean;
  readonly qos: Qos;
  /** Messages per second of all its publishers; undefined: as fast as the broker takes them. */
  readonly ratePerSecond: number | undefined;
}

/** When it is measured; monotonic milliseconds. */
export interface Window {
  readonly startMs: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

const PAYLOAD_BYTES = 256;
const IN_FLIGHT_MAX = 100;
const GRACE_MS = 2_000;
const RUN = 1;

export class Tenant {
  readonly #name: string;
  readonly #traffic: TenantTraffic;
  readonly #driver: DriverProcess;
  readonly #topics: readonly string[];

  /** `isBehind`: its driver must not keep another one from measuring. */
  constructor(name: string, traffic: TenantTraffic, isBehind: boolean) {
    this.#name = name;
    this.#traffic = traffic;
    this.#driver = new DriverProcess(isBehind);
    this.#topics = Array.from({ length: traffic.pairs }, (_, pair) => `from/${pair}`);
  }

  async connect(port: number): Promise<void> {
    const { persistent, qos } = this.#traffic;
    const common = { port, cleanSession: !persistent, userName: `${this.#name}/bench`, qos };
    await this.#driver.call('open', {
      ...common,
      group: 'subscribers',
      clients: this.#topics.map((topic, pair) => ({ clientId: `sub-${pair}`, filters: [topic] })),
    });
    await this.#driver.call('open', {
      ...common,
      group: 'publishers',
      clients: this.#topics.map((_, pair) => ({ clientId: `pub-${pair}`, filters: [] })),
    });
  }

  publish(window: Window): Promise<TrafficResult> {
    const { qos, ratePerSecond } = this.#traffic;
    return this.#driver.call('traffic', {
      ...window,
      run: RUN,
      publisherGroup: 'publishers',
      subscriberGroup: 'subscribers',
      expectation: 'own',
      topics: this.#topics,
      qos,
      payloadBytes: PAYLOAD_BYTES,
      ratePerSecond,
      inFlightMaxPerPublisher: IN_FLIGHT_MAX,
      messagesMax: undefined,
      graceMs: GRACE_MS,
    });
  }

  stop(): Promise<void> {
    return this.#driver.stop();
  }
}
