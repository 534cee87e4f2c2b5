/**
 * Steady QoS 1 and 2 traffic from one publisher per subscriber, half of the subscribers away, and how long each publisher had
 * to wait for an answer: what a fault costs, in figures.
 */
import { expect } from 'vitest';
import type { Stream } from '../../../src/fleet/ledger.ts';
import { bookDeliveries, publishNext } from '../../crash/support/accounting.ts';
import type { CrashRig } from '../../crash/support/crash-rig.ts';
import type { Device } from '../../crash/support/device.ts';

/** Sessions get consecutive ids, so that their queues lie in as many regions. */
const SUBSCRIBERS = 16;
const WINDOW = 4;
const POLL_MS = 20;
/** For a publisher to be answered again after the worst of the faults, on a busy machine. */
const RECOVERY_MS_MAX = 180_000;

/** What one publisher saw since the last look. */
interface Answers {
  count: number;
  lastMs: number;
  longestGapMs: number;
}

export class SteadyTraffic {
  readonly #rig: CrashRig;
  readonly #over = new AbortController();
  readonly #publishing: Promise<void>[] = [];
  readonly #answers: Answers[] = [];
  readonly #absent: string[] = [];
  #lastMs = 0;
  #longestSilenceMs = 0;

  private constructor(rig: CrashRig) {
    this.#rig = rig;
  }

  /** Resolves when every publisher has been answered. */
  static async start(rig: CrashRig): Promise<SteadyTraffic> {
    const traffic = new SteadyTraffic(rig);
    for (let index = 0; index < SUBSCRIBERS; index++) await traffic.#pair(index);
    traffic.look();
    await traffic.everybodyAnswered();
    return traffic;
  }

  /** Begins to measure anew. */
  look(): void {
    const now = performance.now();
    this.#lastMs = now;
    this.#longestSilenceMs = 0;
    for (const answers of this.#answers) Object.assign(answers, { count: 0, lastMs: now, longestGapMs: 0 });
  }

  /** Publishers that have been answered since the last look. */
  get answered(): number {
    return this.#answers.filter(({ count }) => count > 0).length;
  }

  get publishers(): number {
    return this.#answers.length;
  }

  /** Every publisher has been answered `times` times since now. */
  async everybodyAnswered(times = 1): Promise<void> {
    const wanted = this.#answers.map(({ count }) => count + times);
    await expect
      .poll(() => this.#answers.filter(({ count }, index) => count < (wanted[index] ?? 0)).length, {
        timeout: RECOVERY_MS_MAX,
        interval: POLL_MS,
      })
      .toBe(0);
  }

  /** Longest time since the last look in which nobody at all was answered. */
  get silenceMs(): number {
    return Math.max(this.#longestSilenceMs, performance.now() - this.#lastMs);
  }

  /** Longest time since the last look that one publisher waited for an answer. */
  get longestWaitMs(): number {
    return Math.max(...this.#gaps());
  }

  /** Since the last look, in one line for people. */
  report(fault: string): void {
    const gaps = this.#gaps();
    const stalled = gaps.filter((gap) => gap > 1_000).length;
    console.log(
      `${fault}: nobody was answered for ${seconds(this.silenceMs)}, one publisher for ${seconds(Math.max(...gaps))}, ` +
        `${stalled} of ${gaps.length} for more than a second`,
    );
  }

  #gaps(): readonly number[] {
    const now = performance.now();
    return this.#answers.map(({ lastMs, longestGapMs }) => Math.max(longestGapMs, now - lastMs));
  }

  /** Ends the traffic, brings the absent back, and expects that every promise was kept. */
  async settle(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#publishing);
    for (const name of this.#absent) {
      await this.#rig.device(name, { expectSession: true }, (device) => {
        bookDeliveries(device, this.#rig.ledger);
      });
    }
    await this.#rig.settle(RECOVERY_MS_MAX);
    await this.#rig.expectEverythingDelivered();
  }

  async #pair(index: number): Promise<void> {
    const name = `subscriber-${index}`;
    const topic = `faults/${index}`;
    const subscriber = await this.#rig.device(name, { level: index % 2 === 0 ? 5 : 4 });
    await subscriber.subscribed(topic);
    if (index % 4 < 2) bookDeliveries(subscriber, this.#rig.ledger);
    else {
      await subscriber.stop();
      this.#absent.push(name);
    }
    const publisher = await this.#rig.device(`publisher-${index}`, { level: 5 });
    const stream = this.#rig.ledger.open(topic, index % 2 === 0 ? 1 : 2, [name]);
    const answers = { count: 0, lastMs: performance.now(), longestGapMs: 0 };
    this.#answers.push(answers);
    for (let lane = 0; lane < WINDOW; lane++)
      this.#publishing.push(this.#publish(publisher, stream, answers));
  }

  async #publish(publisher: Device, stream: Stream, answers: Answers): Promise<void> {
    while (!this.#over.signal.aborted) {
      await publishNext(publisher, stream);
      const now = performance.now();
      answers.count++;
      answers.longestGapMs = Math.max(answers.longestGapMs, now - answers.lastMs);
      answers.lastMs = now;
      this.#longestSilenceMs = Math.max(this.#longestSilenceMs, now - this.#lastMs);
      this.#lastMs = now;
    }
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
