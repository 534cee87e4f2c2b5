/**
 * One measured run: publishers send on schedule (open loop: a slow broker does not slow the schedule down) or as fast as
 * they are acknowledged, subscribers tally, and a grace period at the end lets the last messages arrive.
 */
import type { TrafficParams, TrafficResult } from './calls.ts';
import type { BenchClient } from './client.ts';
import { DeliveryTally } from './delivery-tally.ts';
import { monotonicMs } from './monotonic-clock.ts';
import { Publisher, type Flow } from './publisher.ts';
import { PublishTemplate } from './wire.ts';

/** Publishers are served in this many groups, one group per tick, so that the load does not come in one burst. */
const PUBLISHER_PHASES = 4;
const TICK_MS = 1;

export class TrafficRun {
  readonly flows: readonly Flow[];

  readonly #params: TrafficParams;
  readonly #publishers: readonly Publisher[];
  readonly #subscribers: readonly BenchClient[];
  readonly #failures: readonly string[];
  readonly #tally: DeliveryTally;
  readonly #window: { readonly fromMs: number; readonly toMs: number };
  #acknowledgedInWindow = 0;
  #lastAcknowledgementMs = 0;
  #tick = 0;

  /** `failures` is filled by the connections while the run goes on. */
  constructor(
    params: TrafficParams,
    publishers: readonly BenchClient[],
    subscribers: readonly BenchClient[],
    failures: readonly string[],
  ) {
    this.#params = params;
    this.#failures = failures;
    this.#subscribers = subscribers;
    const fromMs = params.startMs + params.warmUpMs;
    this.#window = { fromMs, toMs: fromMs + params.windowMs };
    this.flows = params.topics.map((topic, flow) => ({
      template: new PublishTemplate(flow, topic, params.qos, params.payloadBytes),
      sent: 0,
    }));
    this.#tally = new DeliveryTally(
      params.run,
      subscribers.length,
      this.flows.length,
      params.expectation,
      this.#window,
    );
    this.#publishers = publishers.map((client, index) => this.#publisher(client, index, publishers.length));
    subscribers.forEach((client, index) => {
      client.onMessage = (bytes, payloadAt, nowMs) => {
        this.#tally.record(index, bytes, payloadAt, nowMs);
      };
    });
  }

  async complete(): Promise<TrafficResult> {
    const cpu = { from: process.cpuUsage(), to: process.cpuUsage() };
    await this.#untilMs(this.#window.fromMs);
    cpu.from = process.cpuUsage();
    await this.#untilMs(this.#window.toMs);
    cpu.to = process.cpuUsage(cpu.from);
    const windowMs = monotonicMs() - this.#window.fromMs;
    await this.#settle();
    return this.#result(windowMs, (cpu.to.user + cpu.to.system) / 1000);
  }

  #publisher(client: BenchClient, index: number, count: number): Publisher {
    const { qos, run, startMs, inFlightMaxPerPublisher, ratePerSecond, messagesMax } = this.#params;
    const ratePerMs = ratePerSecond === undefined ? undefined : ratePerSecond / count / 1000;
    const publisher = new Publisher(
      client,
      this.flows.filter((_, flow) => flow % count === index),
      {
        run,
        qos,
        ratePerMs,
        inFlightMax: inFlightMaxPerPublisher,
        // A fraction of one interval apart, so that publishers of equal rate do not send in the same instant.
        startMs: startMs + (ratePerMs === undefined ? 0 : index / count / ratePerMs),
        messagesMax: messagesMax === undefined ? Number.MAX_SAFE_INTEGER : Math.ceil(messagesMax / count),
      },
    );
    client.onAcknowledged = (acknowledged, nowMs) => {
      this.#lastAcknowledgementMs = nowMs;
      publisher.acknowledged += acknowledged;
      if (nowMs < this.#window.toMs) {
        if (nowMs >= this.#window.fromMs) this.#acknowledgedInWindow += acknowledged;
        if (ratePerMs === undefined) publisher.pump(nowMs);
      }
    };
    return publisher;
  }

  /** Runs the schedule until `endMs`, or until every publisher has had its last message acknowledged. */
  async #untilMs(endMs: number): Promise<void> {
    await this.#everyTick((nowMs) => {
      const phase = this.#tick % PUBLISHER_PHASES;
      this.#publishers.forEach((publisher, index) => {
        if (index % PUBLISHER_PHASES === phase && nowMs >= this.#params.startMs) publisher.pump(nowMs);
      });
      return nowMs >= endMs || this.#finishedEarly();
    });
  }

  async #settle(): Promise<void> {
    const giveUpMs = monotonicMs() + this.#params.graceMs;
    await this.#everyTick((nowMs) => {
      const acknowledged = this.#publishers.every((publisher) => publisher.inFlight === 0);
      return (acknowledged && this.#tally.delivered >= this.#expected()) || nowMs >= giveUpMs;
    });
  }

  async #everyTick(isDone: (nowMs: number) => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        this.#tick += 1;
        if (!isDone(monotonicMs()) && this.#failures.length === 0) return;
        clearInterval(timer);
        resolve();
      }, TICK_MS);
    });
  }

  #finishedEarly(): boolean {
    const { messagesMax } = this.#params;
    return messagesMax !== undefined && this.#sum((publisher) => publisher.acknowledged) >= messagesMax;
  }

  #expected(): number {
    if (this.#subscribers.length === 0) return 0;
    const copies = this.#params.expectation === 'every' ? this.#subscribers.length : 1;
    return this.#sum((publisher) => publisher.sent) * copies;
  }

  #sum(value: (publisher: Publisher) => number): number {
    return this.#publishers.reduce((sum, publisher) => sum + value(publisher), 0);
  }

  #result(windowMs: number, driverCpuMs: number): TrafficResult {
    const tally = this.#tally;
    const cutShort = this.#finishedEarly() && this.#lastAcknowledgementMs > this.#window.fromMs;
    return {
      sent: this.#sum((publisher) => publisher.sent),
      acknowledged: this.#sum((publisher) => publisher.acknowledged),
      acknowledgedInWindow: this.#acknowledgedInWindow,
      delivered: tally.delivered,
      deliveredInWindow: tally.deliveredInWindow,
      lost: this.#expected() - tally.delivered,
      duplicated: tally.duplicated,
      reordered: tally.reordered,
      misdelivered: tally.misdelivered,
      latencyCounts: tally.latency.counts,
      windowMs: cutShort
        ? this.#lastAcknowledgementMs - this.#window.fromMs
        : Math.min(windowMs, this.#params.windowMs),
      driverCpuMs,
      failures: [...this.#failures],
    };
  }
}
