/**
 * Turns trips into a timeline of commands for a fleet of bikes, compressed into the time of the replay.
 * Pure: the same trips and the same fleet always give the same plan.
 */
import type { Trip } from './trip-file.ts';

export type LockAction = 'unlock' | 'lock';

export interface PlannedCommand {
  /** Since the start of the ride. */
  readonly atMs: number;
  /** Index of the bike, from 0. */
  readonly bike: number;
  readonly action: LockAction;
  readonly station: string;
}

export interface FleetPlan {
  /** In order of time. */
  readonly commands: readonly PlannedCommand[];
  readonly durationMs: number;
  /** How many seconds of the city pass in one second of the replay. */
  readonly speed: number;
  readonly trips: number;
  /** Trips left out because every bike was on the road when they began. */
  readonly tripsWithoutBike: number;
}

/** Either how long the replay takes, or how much faster than the city it runs. */
export type Pace = { readonly durationMs: number } | { readonly speed: number };

export function planFleet(trips: readonly Trip[], bikes: number, pace: Pace): FleetPlan {
  const byStart = trips.toSorted((one, other) => one.startMs - other.startMs);
  const fromMs = byStart[0]?.startMs ?? 0;
  const throughMs = trips.reduce((latest, trip) => Math.max(latest, trip.endMs), fromMs);
  const cityMs = Math.max(1, throughMs - fromMs);
  const speed = 'speed' in pace ? pace.speed : cityMs / pace.durationMs;

  const dock = new Dock(bikes);
  const commands: PlannedCommand[] = [];
  let tripsWithoutBike = 0;
  for (const trip of byStart) {
    const bike = dock.take(trip);
    if (bike === undefined) {
      tripsWithoutBike++;
      continue;
    }
    const at = (timeMs: number) => (timeMs - fromMs) / speed;
    commands.push({ atMs: at(trip.startMs), bike, action: 'unlock', station: trip.startStation });
    commands.push({ atMs: at(trip.endMs), bike, action: 'lock', station: trip.endStation });
  }
  commands.sort((one, other) => one.atMs - other.atMs);
  return {
    commands,
    durationMs: cityMs / speed,
    speed,
    trips: trips.length - tripsWithoutBike,
    tripsWithoutBike,
  };
}

/** Where every bike stands, and until when it is on the road. */
class Dock {
  readonly #freeFromMs: number[];
  readonly #station: (string | undefined)[];

  constructor(bikes: number) {
    this.#freeFromMs = new Array<number>(bikes).fill(Number.NEGATIVE_INFINITY);
    this.#station = new Array<string | undefined>(bikes).fill(undefined);
  }

  /** A bike that stands at the trip's first station; else the one that has stood idle longest (a van brought it). */
  take(trip: Trip): number | undefined {
    let idlest: number | undefined;
    let idleSinceMs = Number.POSITIVE_INFINITY;
    for (const [bike, freeFromMs] of this.#freeFromMs.entries()) {
      if (freeFromMs > trip.startMs) continue;
      if (this.#station[bike] === trip.startStation) return this.#ride(bike, trip);
      if (freeFromMs < idleSinceMs) {
        idlest = bike;
        idleSinceMs = freeFromMs;
      }
    }
    return idlest === undefined ? undefined : this.#ride(idlest, trip);
  }

  #ride(bike: number, trip: Trip): number {
    // A trip of length zero still occupies the bike for an instant: its lock must not share a time with the next unlock.
    this.#freeFromMs[bike] = trip.endMs + 1;
    this.#station[bike] = trip.endStation;
    return bike;
  }
}
