/**
 * One replay from beginning to end: the fleet assembles, rides while bikes and broker fall over, and settles;
 * then the ledger is read. Starts and stops no broker by itself except to kill it.
 */
import { setMaxListeners } from 'node:events';
import type { BrokerChild } from './broker-child.ts';
import { Fleet, type Bike, type FleetOptions } from './fleet.ts';
import type { FleetPlan } from './fleet-plan.ts';
import type { FleetReport } from './fleet-report.ts';
import { MessageBooks } from './message-books.ts';
import { dropRepeatedly, killMoments, killRepeatedly, pause, type KillRecord } from './outages.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface FleetRunOptions extends FleetOptions {
  readonly plan: FleetPlan;
  /** The broker to kill `kills` times; without one nothing is killed. */
  readonly broker: BrokerChild | undefined;
  readonly kills: number;
  /** Whether clients lose their connection by themselves. */
  readonly outages: boolean;
  /** How long the settle phase may take. */
  readonly settleMs: number;
  /** Ends the ride early; the fleet still settles. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: FleetProgress) => void;
}

export interface FleetProgress {
  readonly phase: 'assemble' | 'ride' | 'settle';
  readonly elapsedMs: number;
  readonly durationMs: number;
  readonly online: number;
  readonly clients: number;
  readonly published: number;
  readonly acknowledged: number;
  readonly delivered: number;
  /** Acknowledged, not yet delivered. */
  readonly owed: number;
  readonly kills: number;
}

/** The fleet could not begin its ride; the message says why and what to do. */
export class FleetRunError extends Error {
  override readonly name = 'FleetRunError';
}

const ASSEMBLE_DEADLINE_MS = 30_000;
const PROGRESS_INTERVAL_MS = 200;
const SETTLE_POLL_MS = 25;
/** How long nothing may happen after the last debt is paid, for late duplicates to show themselves. */
const QUIET_MS = 500;
/** Each bike reports this many times in a run, within bounds on the interval. */
const REPORTS_PER_BIKE = 120;
const REPORT_INTERVAL_MS_MIN = 100;
const REPORT_INTERVAL_MS_MAX = 5_000;
/** A bike is away about ten times per run and a quarter of the time. */
const SPELLS_PER_RUN = 10;
const OFFLINE_SHARE = 0.25;
const SPELL_CYCLE_MS_MAX = 60_000;

export class FleetRun {
  readonly #options: FleetRunOptions;
  readonly #books: MessageBooks;
  readonly #fleet: Fleet;
  readonly #kills: KillRecord[] = [];
  readonly #startedMs = performance.now();
  #phase: FleetProgress['phase'] = 'assemble';

  /** The fleet begins to connect at once. */
  constructor(options: FleetRunOptions) {
    this.#options = options;
    this.#books = new MessageBooks(options.run);
    this.#fleet = new Fleet(options, this.#books);
  }

  /** @throws FleetRunError, BrokerChildError. The clients are gone in any case. */
  async run(): Promise<FleetReport> {
    const ticker = setInterval(() => {
      this.#options.onProgress(this.#progress());
    }, PROGRESS_INTERVAL_MS);
    try {
      await this.#assemble();
      this.#phase = 'ride';
      await this.#ride();
      this.#phase = 'settle';
      const settledAfterMs = await this.#settle();
      return this.#report(settledAfterMs);
    } finally {
      clearInterval(ticker);
      await this.#leave();
    }
  }

  /** Nobody's broker is left with sessions that no client will ever resume; one of our own goes anyway. */
  async #leave(): Promise<void> {
    const { clients } = this.#fleet;
    await Promise.all(clients.map((client) => client.end()));
    if (this.#options.broker === undefined) await Promise.all(clients.map((client) => client.discard()));
  }

  async #assemble(): Promise<void> {
    const late = new AbortController();
    const inTime = await Promise.race([
      this.#fleet.assemble().then(() => true),
      pause(ASSEMBLE_DEADLINE_MS, late.signal).then(() => false),
    ]);
    late.abort();
    if (inTime) return;
    const missing = this.#fleet.clients.filter((client) => !client.online).length;
    const [complaint = 'the broker does not say why'] = this.#fleet.complaints.keys();
    throw new FleetRunError(
      `${missing} of ${this.#fleet.clients.length} clients could not connect and subscribe within ` +
        `${ASSEMBLE_DEADLINE_MS / 1000} s (${complaint}): look into the broker's log, or use fewer --bikes`,
    );
  }

  async #ride(): Promise<void> {
    const { plan, signal, broker, random } = this.#options;
    const over = new AbortController();
    const riding = AbortSignal.any([signal, over.signal]);
    // Every client waits on it, some more than once; that is no leak.
    setMaxListeners(0, riding);
    const cycleMs = Math.min(SPELL_CYCLE_MS_MAX, plan.durationMs / SPELLS_PER_RUN);
    const lengths = { onlineMs: cycleMs * (1 - OFFLINE_SHARE), offlineMs: cycleMs * OFFLINE_SHARE };
    const background = [
      ...(this.#options.outages ? this.#fleet.clients : []).map((client) =>
        dropRepeatedly(client, lengths, random.fork(`outage ${client.clientId}`), riding),
      ),
      ...this.#fleet.bikes.map((bike) =>
        this.#reportRepeatedly(bike, random.fork(`report ${bike.name}`), riding),
      ),
    ];
    const kills = killMoments(
      broker === undefined ? 0 : this.#options.kills,
      plan.durationMs,
      random.fork('kills'),
    );
    const keep = (record: KillRecord) => this.#kills.push(record);
    const killing =
      broker === undefined ? undefined : killRepeatedly(broker, kills, random.fork('down'), riding, keep);
    try {
      await Promise.all([this.#command(riding), killing]);
    } finally {
      over.abort();
      await Promise.all(background);
    }
  }

  async #command(signal: AbortSignal): Promise<void> {
    const beganMs = performance.now();
    for (const command of this.#options.plan.commands) {
      if (!(await pause(beganMs + command.atMs - performance.now(), signal))) return;
      this.#fleet.command(command);
    }
  }

  async #reportRepeatedly(bike: Bike, random: SeededRandom, signal: AbortSignal): Promise<void> {
    const meanMs = Math.min(
      REPORT_INTERVAL_MS_MAX,
      Math.max(REPORT_INTERVAL_MS_MIN, this.#options.plan.durationMs / REPORTS_PER_BIKE),
    );
    while (await pause(random.between(0.5, 1.5) * meanMs, signal)) this.#fleet.report(bike);
  }

  /** Milliseconds until everything acknowledged had arrived; undefined: the deadline came first. */
  async #settle(): Promise<number | undefined> {
    const beganMs = performance.now();
    for (const client of this.#fleet.clients) client.comeBack();
    const never = new AbortController().signal;
    while (performance.now() - beganMs < this.#options.settleMs) {
      if (this.#settled()) {
        const settledAfterMs = performance.now() - beganMs;
        await pause(QUIET_MS, never);
        return settledAfterMs;
      }
      await pause(SETTLE_POLL_MS, never);
    }
    return undefined;
  }

  #settled(): boolean {
    return this.#books.ledger.owed === 0 && this.#fleet.clients.every((client) => client.idle);
  }

  #progress(): FleetProgress {
    const { clients } = this.#fleet;
    return {
      phase: this.#phase,
      elapsedMs: performance.now() - this.#startedMs,
      durationMs: this.#options.plan.durationMs,
      online: clients.filter((client) => client.online).length,
      clients: clients.length,
      published: this.#books.published,
      acknowledged: this.#books.acknowledged,
      delivered: this.#books.delivered,
      owed: this.#books.ledger.owed,
      kills: this.#kills.length,
    };
  }

  #report(settledAfterMs: number | undefined): FleetReport {
    const { plan, random, broker } = this.#options;
    const { ledger, delays, onlineDelays, skipped, foreign, misdelivered } = this.#books;
    return {
      seed: random.seed,
      bikes: this.#fleet.bikes.length,
      clients: this.#fleet.clients.length,
      trips: plan.trips,
      speed: plan.speed,
      rideMs: plan.durationMs,
      settledAfterMs,
      totals: { qos0: ledger.totals(0), qos1: ledger.totals(1), qos2: ledger.totals(2) },
      violations: ledger.violations(),
      skipped,
      foreign,
      misdelivered,
      sessionsForgotten: this.#fleet.sessionsForgotten,
      brokerCrash: broker?.crash?.message,
      complaints: Object.fromEntries(this.#fleet.complaints),
      delayMs: { median: delays.quantileMs(0.5), p99: delays.quantileMs(0.99), worst: delays.worstMs },
      onlineDelayMs: {
        median: onlineDelays.quantileMs(0.5),
        p99: onlineDelays.quantileMs(0.99),
        worst: onlineDelays.worstMs,
      },
      kills: this.#kills,
    };
  }
}
