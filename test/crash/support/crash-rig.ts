/**
 * A broker that a test kills and starts again, the ledger its clients keep, and what a failure must say to be
 * repeated: the seed, and where the broker's data and log were left.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { Ledger } from '../../../src/fleet/ledger.ts';
import { SeededRandom } from '../../../src/fleet/seeded-random.ts';
import { Device, type DeviceOptions } from './device.ts';

/** Whatever can be killed without warning and started again on what it left behind, at the same port. */
export interface Victim {
  readonly port: number;
  /** Effective before it returns: nothing the broker does afterwards reaches a disk or a client. */
  kill(): Promise<void>;
  /** Resolves when clients can connect. */
  start(): Promise<unknown>;
  /** Where to look after a failure. */
  readonly evidence: string;
  dispose(failed: boolean): Promise<void>;
}

/** Fixed, so that every run of CI is the same run; `SPOKE_CRASH_SEED` tries another. */
const SEED = Number(process.env['SPOKE_CRASH_SEED'] ?? 20_240_604);
/** Kills of each test that kills at random moments; `SPOKE_CRASH_KILLS` asks for more. */
export const RANDOM_KILLS = Number(process.env['SPOKE_CRASH_KILLS'] ?? 7);
/** Generous: the machine may be busy, and a kill costs well below a second on an idle one. */
export const CRASH_TEST_TIMEOUT_MS = 60_000 + RANDOM_KILLS * 6_000;

const SETTLE_DEADLINE_MS = 30_000;
const SETTLE_POLL_MS = 10;
const QUIET_MS = 150;
const DOWN_MS_MAX = 50;

/** The randomness of one test: independent of every other test's. */
export function seededFor(name: string): SeededRandom {
  return new SeededRandom(SEED).fork(name);
}

export class CrashRig {
  readonly random: SeededRandom;
  readonly ledger = new Ledger();
  readonly victim: Victim;
  readonly #devices: Device[] = [];

  private constructor(random: SeededRandom, victim: Victim) {
    this.random = random;
    this.victim = victim;
  }

  /** Starts the victim; the rig ends with the running test. */
  static async around(random: SeededRandom, victim: Victim): Promise<CrashRig> {
    const rig = new CrashRig(random, victim);
    onTestFinished(async ({ task }) => {
      const failed = task.result?.state === 'fail';
      if (failed) console.error(`Repeat with SPOKE_CRASH_SEED=${SEED}; evidence: ${victim.evidence}`);
      await Promise.all(rig.#devices.map((device) => device.stop()));
      await victim.dispose(failed);
    });
    await victim.start();
    return rig;
  }

  /**
   * A client that stays connected until the test ends, whatever happens to the broker. `prepare` runs before it
   * connects: a session that exists already may deliver at once.
   */
  async device(
    clientId: string,
    options: Partial<DeviceOptions> = {},
    prepare: (device: Device) => void = () => undefined,
  ): Promise<Device> {
    const random = this.random.fork(clientId);
    const device = new Device({
      clientId,
      level: 4,
      port: this.victim.port,
      random,
      ackHoldMsMax: 0,
      ...options,
    });
    this.#devices.push(device);
    prepare(device);
    await device.start();
    return device;
  }

  async killAndRestart(): Promise<void> {
    await this.victim.kill();
    await this.restart();
  }

  /** After a kill: leaves the port dead for a moment, so that clients meet a refused connection too. */
  async restart(): Promise<void> {
    await sleep(this.random.between(0, DOWN_MS_MAX));
    await this.victim.start();
  }

  /** Kills the broker `kills` times, each after a random time of at most `gapMsMax` in which it ran. */
  async killAtRandom(kills: number, gapMsMax: number): Promise<void> {
    for (let kill = 0; kill < kills; kill++) {
      await sleep(this.random.between(0, gapMsMax));
      await this.killAndRestart();
    }
    await sleep(this.random.between(0, gapMsMax));
  }

  /** Waits until every debt is paid, then expects that nothing was lost, reordered or wrongly duplicated. */
  async expectEverythingDelivered(): Promise<void> {
    await this.settle();
    await sleep(QUIET_MS);
    expect(this.ledger.violations()).toEqual([]);
    expect(this.ledger.clean).toBe(true);
    expect(this.#devices.flatMap((device) => device.problems)).toEqual([]);
  }

  /** Until everything acknowledged has arrived and everything sent is acknowledged, or a deadline passes. */
  async settle(withinMs = SETTLE_DEADLINE_MS): Promise<void> {
    const deadlineMs = performance.now() + withinMs;
    const busy = () => this.#devices.filter((device) => !device.idle).map((device) => device.clientId);
    while (this.ledger.owed > 0 || busy().length > 0) {
      if (performance.now() > deadlineMs) {
        expect.fail(
          `after ${withinMs / 1000} s: ${this.ledger.owed} deliveries owed, ` +
            `still waiting for answers: ${busy().join(', ') || 'nobody'}, ` +
            `first: ${JSON.stringify(this.ledger.violations().slice(0, 3))}`,
        );
      }
      await sleep(SETTLE_POLL_MS);
    }
  }
}
