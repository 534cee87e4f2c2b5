/** When bikes lose the network and when the broker dies: seeded, so that a run can be repeated. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerChild } from './broker-child.ts';
import type { FleetClient } from './fleet-client.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Mean lengths of the time between losses and of the time away. */
export interface SpellLengths {
  readonly onlineMs: number;
  readonly offlineMs: number;
}

const SPELL_MS_MIN = 20;

/** Drops the client off the network again and again until `signal` aborts; it may be left offline then. */
export async function dropRepeatedly(
  client: FleetClient,
  lengths: SpellLengths,
  random: SeededRandom,
  signal: AbortSignal,
): Promise<void> {
  while (await pause(random.exponential(lengths.onlineMs), signal)) {
    const spellMs = SPELL_MS_MIN + random.exponential(lengths.offlineMs);
    client.drop(random.pick(['closed', 'reset', 'silent']), spellMs);
    await pause(spellMs, signal);
  }
}

export interface KillRecord {
  /** Since the ride began. */
  readonly atMs: number;
  /** From starting the process again to its first accepted connection. */
  readonly readyAfterMs: number;
}

const KILL_MARGIN = 0.04;
const DOWN_MS_MAX = 400;
/** A broker that is killed before anybody has reconnected proves nothing; slow machines would get there. */
const UP_MS_MIN = 1_500;

/** Moments of `kills` kills, ascending, spread over the ride but clear of its ends. */
export function killMoments(kills: number, durationMs: number, random: SeededRandom): readonly number[] {
  const moment = () => random.between(KILL_MARGIN, 1 - KILL_MARGIN) * durationMs;
  return Array.from({ length: kills }, moment).sort((one, other) => one - other);
}

/**
 * Kills and restarts the broker at the given moments, or later where it has not run long enough since the last
 * one; it runs when this resolves. @throws BrokerChildError
 */
export async function killRepeatedly(
  broker: BrokerChild,
  moments: readonly number[],
  random: SeededRandom,
  signal: AbortSignal,
  onKill: (record: KillRecord) => void,
): Promise<void> {
  const beganMs = performance.now();
  let upSinceMs = Number.NEGATIVE_INFINITY;
  for (const momentMs of moments) {
    const dueMs = Math.max(beganMs + momentMs, upSinceMs + UP_MS_MIN);
    if (!(await pause(dueMs - performance.now(), signal))) return;
    const atMs = performance.now() - beganMs;
    await broker.kill();
    await pause(random.between(0, DOWN_MS_MAX), signal);
    onKill({ atMs, readyAfterMs: await broker.start() });
    upSinceMs = performance.now();
  }
}

/** Waits, at most until `signal` aborts. Resolves with whether to go on: false when it has aborted. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<boolean> {
  if (delayMs > 0) await sleep(delayMs, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}
