/**
 * One proof from beginning to end: the fleet assembles and speaks, faults strike one after the other, each until everybody has
 * recovered; then the traffic ends, everything settles, and the judge is asked. Prints what clients noticed of each fault.
 */
import type { QoS } from '../src/mqtt/qos.ts';
import { pause } from '../src/fleet/outages.ts';
import type { SeededRandom } from '../src/fleet/seeded-random.ts';
import { faultText, type PlannedFault } from './faults/planned-fault.ts';
import { strike, type StruckCluster } from './faults/strike.ts';
import { Judge } from './judge/judge.ts';
import { LeaseWatch } from './judge/lease-watch.ts';
import type { StreamTotals } from './judge/stream.ts';
import type { Violation } from './judge/violation.ts';
import type { WillTotals } from './judge/will-watch.ts';
import { ConnectionLog } from './observation/connection-log.ts';
import { DelaySeries } from './observation/delay-series.ts';
import { Experience, type Noticed } from './observation/experience.ts';
import {
  NotRecovered,
  Recovery,
  type Patience,
  type RecoveringCluster,
  type RecoveryTimes,
} from './recovery.ts';
import { AddressBook } from './traffic/address-book.ts';
import { ChaosFleet, flakyBikes, willTopic } from './traffic/chaos-fleet.ts';
import { MessageDesk } from './traffic/message-desk.ts';
import { Traffic, type TrafficRates } from './traffic/traffic.ts';
import type { BrokerAddress } from '../src/fleet/radio-link.ts';

export interface ProvenCluster extends StruckCluster, RecoveringCluster {
  readonly front: BrokerAddress | undefined;
  /** Processes that ended although nobody made them, in words. */
  readonly crashes: readonly string[];
}

export interface Pace extends Patience {
  /** How long the fleet may take to connect and subscribe. */
  readonly assembleMs: number;
  /** Of traffic before the first fault. */
  readonly calmMs: number;
  /** How long nothing may happen at the end, for late duplicates to show themselves. */
  readonly quietMs: number;
}

export interface ProofOptions {
  readonly cluster: ProvenCluster;
  readonly random: SeededRandom;
  readonly bikes: number;
  readonly rates: TrafficRates;
  /** In order; as many as are given, until `lastFaultMs` has passed. */
  readonly faults: Iterable<PlannedFault>;
  /** No fault begins later than so many milliseconds after the first could. */
  readonly lastFaultMs: number;
  /** Ends it early; what has happened is judged all the same. */
  readonly signal: AbortSignal;
  readonly pace: Pace;
  readonly say: (line: string) => void;
}

/** Times in milliseconds since the traffic began. */
export interface FaultRecord {
  readonly fault: PlannedFault;
  readonly struckAtMs: number;
  readonly healedAtMs: number;
  readonly recoveredAtMs: number;
  readonly noticed: Noticed;
  /** Undefined: it did not recover. */
  readonly recovery: RecoveryTimes | undefined;
  readonly failure: string | undefined;
  /** How many promises were seen broken meanwhile. */
  readonly violations: number;
}

export interface ProofResult {
  readonly seed: number;
  readonly clients: number;
  readonly brokers: number;
  readonly durationMs: number;
  readonly faults: readonly FaultRecord[];
  readonly totals: { readonly qos1: StreamTotals; readonly qos2: StreamTotals };
  readonly wills: WillTotals;
  readonly violations: readonly Violation[];
  /** What else speaks against the cluster, in words. */
  readonly failures: readonly string[];
  readonly complaints: Readonly<Record<string, number>>;
  readonly skipped: number;
  readonly received: DelaySeries;
  readonly acknowledged: DelaySeries;
  readonly connected: readonly { readonly atS: number; readonly count: number }[];
  readonly steadyClients: number;
  readonly judge: Judge;
  readonly connections: ConnectionLog;
  /** `performance.now()` of when the traffic began. */
  readonly startMs: number;
}

const SAMPLE_MS = 1_000;

/** The fleet could not begin; says why. */
export class ProofError extends Error {
  override readonly name = 'ProofError';
}

export class Proof {
  readonly #options: ProofOptions;
  readonly #judge = new Judge();
  readonly #leases = new LeaseWatch();
  readonly #connections = new ConnectionLog();
  readonly #startMs = performance.now();
  readonly #received = new DelaySeries(this.#startMs);
  readonly #acknowledged = new DelaySeries(this.#startMs);
  readonly #connected: { atS: number; count: number }[] = [];
  readonly #experience: Experience;
  readonly #desk: MessageDesk;
  readonly #fleet: ChaosFleet;
  readonly #recovery: Recovery;
  readonly #records: FaultRecord[] = [];
  readonly #failures: string[] = [];

  /** The fleet begins to connect. */
  constructor(options: ProofOptions) {
    this.#options = options;
    const { cluster, random, bikes } = options;
    const flaky = flakyBikes(bikes);
    // Groups, too.
    const isSteady = (receiver: string) => !flaky.has(receiver);
    this.#experience = new Experience(isSteady);
    this.#desk = new MessageDesk(`proof-${random.seed}`, this.#judge, {
      onHeard: (client, nowMs) => {
        const violation = this.#leases.heard(client, nowMs);
        if (violation !== undefined) this.#judge.report(violation);
      },
      onAcknowledged: (publisher, sentMs, nowMs) => {
        if (isSteady(publisher)) this.#acknowledged.add(sentMs, nowMs);
        this.#experience.acknowledged(publisher, nowMs - sentMs);
      },
      onReceived: (publisher, client, sentMs, nowMs) => {
        if (isSteady(publisher) && isSteady(client)) this.#received.add(sentMs, nowMs);
        this.#experience.received(publisher, client, nowMs - sentMs);
      },
    });
    this.#fleet = new ChaosFleet({
      bikes,
      addresses: new AddressBook(cluster.front, [...cluster.brokerAddresses.values()]),
      random: random.fork('fleet'),
      judge: this.#judge,
      desk: this.#desk,
      onConnection: (event) => {
        const nowMs = performance.now();
        this.#connections.note(event, nowMs);
        this.#leases.onConnection(event);
        this.#experience.onConnection(event, nowMs);
      },
    });
    this.#recovery = new Recovery(this.#fleet, this.#judge, cluster, isSteady, options.pace);
  }

  /** @throws ProofError */
  async run(): Promise<ProofResult> {
    const sampling = setInterval(() => {
      this.#sample();
    }, SAMPLE_MS);
    try {
      await this.#assemble();
      const traffic = new Traffic(this.#fleet, this.#options.rates, this.#options.random.fork('traffic'));
      await pause(this.#options.pace.calmMs, this.#options.signal);
      await this.#strikeAll();
      await traffic.stop();
      await this.#settle();
      return this.#result();
    } finally {
      clearInterval(sampling);
      await this.#fleet.end();
    }
  }

  async #assemble(): Promise<void> {
    const late = new AbortController();
    const { assembleMs } = this.#options.pace;
    const inTime = await Promise.race([
      this.#fleet.assemble().then(() => true),
      pause(assembleMs, late.signal).then(() => false),
    ]);
    late.abort();
    if (inTime) return;
    const away = this.#fleet.clients.filter(({ online }) => !online).map(({ clientId }) => clientId);
    const [complaint = 'nobody says why'] = this.#fleet.complaints.keys();
    throw new ProofError(
      `not all clients could connect and subscribe within ${assembleMs / 1000} s (${complaint}): ${away.join(', ')}`,
    );
  }

  async #strikeAll(): Promise<void> {
    const { faults, lastFaultMs, signal } = this.#options;
    const firstMs = performance.now();
    for (const fault of faults) {
      if (!(await pause(fault.restMs, signal))) return;
      if (performance.now() - firstMs > lastFaultMs) return;
      if (this.#records.length > 0) {
        // What is struck next would have no clients if they stayed where the last fault has driven them.
        this.#fleet.spread();
        await this.#recovery.connected();
      }
      const record = await this.#strike(fault);
      this.#records.push(record);
      this.#options.say(recordLine(this.#records.length, record));
      // What does not come back would be struck again and again, and prove nothing.
      if (record.failure !== undefined) return;
    }
  }

  async #strike(fault: PlannedFault): Promise<FaultRecord> {
    const { cluster, say } = this.#options;
    const before = this.#judge.seen.length;
    this.#experience.begin();
    const struckMs = performance.now();
    say(`${clock(struckMs - this.#startMs)}  ${faultText(fault)}`);
    let healedMs = struckMs;
    let failure: string | undefined;
    let recovery: RecoveryTimes | undefined;
    try {
      await strike(fault, cluster, {
        hold: async (ms) => {
          await pause(ms, NEVER);
        },
        deposed: (name) => {
          const address = cluster.brokerAddresses.get(name);
          if (address !== undefined) this.#leases.deposed(address);
        },
        healing: () => (healedMs = performance.now()),
      });
      recovery = await this.#recovery.complete(healedMs);
      for (const violation of this.#leases.kept(performance.now())) this.#judge.report(violation);
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      failure = cause instanceof NotRecovered ? cause.message : (cause.stack ?? cause.message);
      this.#failures.push(`${faultText(fault)}: ${failure}`);
    }
    const nowMs = performance.now();
    return {
      fault,
      struckAtMs: struckMs - this.#startMs,
      healedAtMs: healedMs - this.#startMs,
      recoveredAtMs: nowMs - this.#startMs,
      noticed: this.#experience.noticed(nowMs),
      recovery,
      failure,
      violations: this.#judge.seen.length - before,
    };
  }

  async #settle(): Promise<void> {
    try {
      await this.#recovery.settle();
    } catch (cause) {
      if (!(cause instanceof NotRecovered)) throw cause;
      this.#failures.push(`at the end, ${cause.message}`);
    }
    await pause(this.#options.pace.quietMs, NEVER);
  }

  #sample(): void {
    const atS = Math.round((performance.now() - this.#startMs) / 1000);
    this.#connected.push({ atS, count: this.#experience.standing });
  }

  #result(): ProofResult {
    const { cluster, random } = this.#options;
    const nowMs = performance.now();
    const totals = (qos: QoS) => this.#judge.totals(qos);
    const { unanswered } = this.#judge;
    if (unanswered > 0) this.#failures.push(`${unanswered} publishes were never answered`);
    if (totals(1).acknowledged + totals(2).acknowledged === 0)
      this.#failures.push('nothing was acknowledged, so nothing was proven');
    if (this.#desk.foreign > 0) this.#failures.push(`${this.#desk.foreign} deliveries of nobody's messages`);
    this.#failures.push(...cluster.crashes);
    return {
      seed: random.seed,
      clients: this.#fleet.clients.length,
      brokers: cluster.brokerAddresses.size,
      durationMs: nowMs - this.#startMs,
      faults: this.#records,
      totals: { qos1: totals(1), qos2: totals(2) },
      wills: this.#fleet.wills.totals,
      violations: [
        ...this.#judge.seen,
        ...this.#judge.lost(nowMs),
        ...this.#fleet.wills.violations(nowMs, willTopic),
      ],
      failures: this.#failures,
      complaints: Object.fromEntries(this.#fleet.complaints),
      skipped: this.#desk.skipped,
      received: this.#received,
      acknowledged: this.#acknowledged,
      connected: this.#connected,
      steadyClients: this.#fleet.steadyClients.length,
      judge: this.#judge,
      connections: this.#connections,
      startMs: this.#startMs,
    };
  }
}

const NEVER = new AbortController().signal;

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function recordLine(number: number, { noticed, recovery, failure, violations }: FaultRecord): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const parts = [
    `${noticed.clientsDisconnected} clients disconnected, the longest for ${seconds(noticed.longestAwayMs)}`,
    `acknowledged after ${seconds(noticed.longestToAckMs)} at most, received after ${seconds(noticed.longestToReceiveMs)}`,
    recovery === undefined
      ? `NOT RECOVERED: ${failure ?? ''}`
      : `recovered after ${seconds(recovery.retainedMs)}`,
    ...(violations === 0 ? [] : [`${violations} BROKEN PROMISES`]),
  ];
  return `      ${number}. ${parts.join('; ')}`;
}
