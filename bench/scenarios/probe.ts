/**
 * Offers one rate to a set of connected clients and judges whether the broker could bear it: nothing lost, p99 below half a
 * second, the offered rate delivered. The clients are opened anew after every rate that it could not.
 */
import type { ObservedUsage } from '../brokers/launch.ts';
import { type DriverPool, mergeTraffic } from '../driver/driver-pool.ts';
import type { Share } from '../driver/driver-pool.ts';
import type { ClientPlan, TrafficResult } from '../driver/calls.ts';
import type { Expectation } from '../driver/delivery-tally.ts';
import { LatencyHistogram } from '../driver/latency-histogram.ts';
import { monotonicMs } from '../driver/monotonic-clock.ts';
import type { Qos } from '../driver/wire.ts';
import { PAYLOAD_BYTES } from '../options.ts';
import { interference } from './interference.ts';
import type { Bench } from './scenario.ts';

/** Who publishes what to whom. Topic i belongs to publisher i mod publishers. */
export interface Shape {
  readonly publishers: number;
  /** One filter per subscriber. */
  readonly filters: readonly string[];
  readonly topics: readonly string[];
  readonly expectation: Expectation;
  readonly qos: Qos;
  readonly persistent: boolean;
  readonly inFlightMaxPerPublisher: number;
  /** Where publisher or subscriber `index` connects; absent: all to the one broker. Then there is one of each per topic. */
  readonly portOf?: (role: Role, index: number) => number;
}

export type Role = 'publisher' | 'subscriber';

export interface Probe {
  /** Offered, messages published per second. */
  readonly rate: number;
  /** Empty when the rate was usable. */
  readonly complaint: string;
  /** Duplicates, messages out of order, a busy machine: no reason to refuse a rate, but worth telling. */
  readonly remark: string;
  /** Messages per second that reached their subscriber; a backlog that arrives in the window does not count beyond the rate. */
  readonly deliveredPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time per delivered message. */
  readonly brokerUs: number;
  readonly driverUs: number;
}

const P99_MAX_MS = 500;
/** Delivered within the window, as a part of what was due; the rest may be on its way when the window closes. */
const DELIVERED_PART_MIN = 0.98;
const GRACE_MS = 5000;
/** Between the order to start and the start, for the order to reach every driver. */
const START_DELAY_MS = 100;
/** A driver busier than this may itself be what limits the rate. */
const DRIVER_BUSY_PART = 0.9;

export class ProbedClients {
  readonly #bench: Bench;
  readonly #shape: Shape;
  readonly #shares: readonly Share[];
  #generation = 0;
  #run = 0;
  #isOpen = false;

  constructor(bench: Bench, shape: Shape) {
    this.#bench = bench;
    this.#shape = shape;
    this.#shares = sharesOf(bench.drivers, shape);
  }

  async probe(ratePerSecond: number): Promise<Probe> {
    if (!this.#isOpen) await this.#open();
    const { scale } = this.#bench.options;
    this.#run += 1;
    const startMs = monotonicMs() + START_DELAY_MS;
    const fromMs = startMs + scale.warmUpMs;
    const toMs = fromMs + scale.windowMs;
    const [usage, ...results] = await Promise.all([
      this.#bench.broker.usageBetween(fromMs, toMs),
      ...this.#shares.map((share) => this.#traffic(share, ratePerSecond, startMs)),
    ]);
    this.#bench.phase({ name: `at ${Math.round(ratePerSecond)}/s`, fromMs, toMs });
    const probe = this.#judge(ratePerSecond, mergeTraffic(results), usage);
    this.#bench.log(
      `${Math.round(ratePerSecond)}/s: ${probe.complaint === '' ? 'usable' : probe.complaint}, ` +
        `p99 ${probe.p99Ms.toFixed(1)} ms, broker ${probe.brokerUs.toFixed(1)} µs, driver ${probe.driverUs.toFixed(1)} µs`,
    );
    if (probe.complaint !== '') await this.#close();
    return probe;
  }

  async #open(): Promise<void> {
    this.#generation += 1;
    this.#isOpen = true;
    const { filters, publishers } = this.#shape;
    const id = (role: string, index: number): string => `bench-${this.#generation}-${role}-${index}`;
    for (const share of this.#shares) {
      const mine = share.count === this.#shape.topics.length ? filters : slice(filters, share);
      const clients = mine.map((filter, index) => ({
        clientId: id('sub', share.first + index),
        filters: [filter],
      }));
      await this.#openGroup(share, 'subscriber', clients);
      const mineToPublish = Math.max(1, Math.round(publishers * share.fraction));
      const senders = Array.from({ length: mineToPublish }, (_, index) => ({
        clientId: id('pub', share.first + index),
        filters: [],
      }));
      await this.#openGroup(share, 'publisher', senders);
    }
  }

  /** One call for each run of clients with the same port, so that they stay in order. */
  async #openGroup(share: Share, role: Role, clients: readonly ClientPlan[]): Promise<void> {
    const { qos, persistent, portOf = () => this.#bench.broker.port } = this.#shape;
    for (let first = 0; first < clients.length;) {
      const port = portOf(role, share.first + first);
      let end = first + 1;
      while (end < clients.length && portOf(role, share.first + end) === port) end += 1;
      await share.driver.call('open', {
        group: `${role}s`,
        port,
        clients: clients.slice(first, end),
        cleanSession: !persistent,
        qos,
      });
      first = end;
    }
  }

  async #close(): Promise<void> {
    this.#isOpen = false;
    const { port } = this.#bench.broker;
    for (const { driver } of this.#shares) {
      for (const group of ['publishers', 'subscribers']) {
        await driver.call('close', { group, port, forget: this.#shape.persistent });
      }
    }
  }

  async #traffic(share: Share, ratePerSecond: number, startMs: number): Promise<TrafficResult> {
    const { scale } = this.#bench.options;
    return share.driver.call('traffic', {
      run: this.#run,
      publisherGroup: 'publishers',
      subscriberGroup: 'subscribers',
      expectation: this.#shape.expectation,
      topics: slice(this.#shape.topics, share),
      qos: this.#shape.qos,
      payloadBytes: PAYLOAD_BYTES,
      ratePerSecond: ratePerSecond * share.fraction,
      inFlightMaxPerPublisher: this.#shape.inFlightMaxPerPublisher,
      messagesMax: undefined,
      startMs,
      warmUpMs: scale.warmUpMs,
      windowMs: scale.windowMs,
      graceMs: GRACE_MS,
    });
  }

  #judge(rate: number, result: TrafficResult, usage: ObservedUsage): Probe {
    const latency = new LatencyHistogram(result.latencyCounts);
    const copies = this.#shape.expectation === 'every' ? this.#shape.filters.length : 1;
    const due = rate * copies * (this.#bench.options.scale.windowMs / 1000);
    const p99Ms = latency.percentileMs(99);
    const delivered = result.deliveredInWindow;
    const complaints = [
      ...result.failures.slice(0, 1),
      ...(result.lost > 0 ? [`${result.lost} lost`] : []),
      ...(result.misdelivered > 0 ? [`${result.misdelivered} delivered to the wrong client`] : []),
      ...(p99Ms >= P99_MAX_MS ? [`p99 ${p99Ms.toFixed(0)} ms`] : []),
      ...(delivered < due * DELIVERED_PART_MIN - copies * this.#shape.publishers
        ? [`only ${((100 * delivered) / due).toFixed(0)} % delivered in time`]
        : []),
    ];
    const remarks = [
      ...interference(usage, result.driverCpuMs),
      ...(result.duplicated > 0 ? [`${result.duplicated} duplicated`] : []),
      ...(result.reordered > 0 ? [`${result.reordered} reordered`] : []),
    ];
    const driverPart = result.driverCpuMs / this.#bench.options.scale.windowMs / this.#shares.length;
    if (complaints.length > 0 && driverPart > DRIVER_BUSY_PART) complaints.push('driver saturated');
    return {
      rate,
      complaint: complaints.join(', '),
      remark: remarks.join(', '),
      deliveredPerSecond: Math.min(due, delivered) / (this.#bench.options.scale.windowMs / 1000),
      p50Ms: latency.percentileMs(50),
      p99Ms,
      brokerUs: (usage.cpuMs * 1000) / delivered,
      driverUs: (result.driverCpuMs * 1000) / delivered,
    };
  }
}

/** Pairs can be dealt to several drivers; where everybody hears everybody, one driver must see all of it. */
function sharesOf(drivers: DriverPool, shape: Shape): Share[] {
  const flows = shape.topics.length;
  return shape.expectation === 'every' ? drivers.whole(flows) : drivers.shares(flows);
}

function slice<Item>(items: readonly Item[], share: Share): Item[] {
  return items.slice(share.first, share.first + share.count);
}
