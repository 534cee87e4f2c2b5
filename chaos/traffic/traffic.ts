/** When the fleet speaks, and when its flaky bikes lose their radio link: seeded, until it is stopped. */
import { setMaxListeners } from 'node:events';
import { dropRepeatedly, pause } from '../../src/fleet/outages.ts';
import type { SeededRandom } from '../../src/fleet/seeded-random.ts';
import type { ChaosFleet } from './chaos-fleet.ts';

export interface TrafficRates {
  /** Of all bikes together, per second. */
  readonly telemetryPerS: number;
  readonly statesPerS: number;
  /** Of all dispatchers together. */
  readonly commandsPerS: number;
}

/** How long a flaky bike is connected, and how long it is away, on average. */
const FLAKY_SPELLS = { onlineMs: 10_000, offlineMs: 2_500 };

export class Traffic {
  readonly #over = new AbortController();
  readonly #loops: readonly Promise<void>[];

  /** Begins at once. */
  constructor(fleet: ChaosFleet, rates: TrafficRates, random: SeededRandom) {
    const { signal } = this.#over;
    // Every loop waits on it; that is no leak.
    setMaxListeners(0, signal);
    const everyMs = (perS: number) => (fleet.bikes.length / perS) * 1000;
    const commands = random.fork('commands');
    this.#loops = [
      ...fleet.bikes.flatMap((bike) => [
        this.#repeat(everyMs(rates.telemetryPerS), random.fork(`report ${bike.name}`), () => {
          fleet.report(bike);
        }),
        this.#repeat(everyMs(rates.statesPerS), random.fork(`state ${bike.name}`), () => {
          fleet.restate(bike);
        }),
      ]),
      this.#repeat(1000 / rates.commandsPerS, commands, () => {
        const bike = fleet.bikes[commands.integer(0, fleet.bikes.length - 1)];
        if (bike !== undefined) fleet.command(bike, commands.integer(0, bike.commands.length - 1));
      }),
      ...fleet.bikes
        .filter(({ isFlaky }) => isFlaky)
        .map(({ client, name }) =>
          dropRepeatedly(client, FLAKY_SPELLS, random.fork(`radio ${name}`), signal),
        ),
    ];
  }

  /** Resolves when nobody says anything new any more. */
  async stop(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#loops);
  }

  async #repeat(meanMs: number, random: SeededRandom, act: () => void): Promise<void> {
    while (await pause(random.between(0.5, 1.5) * meanMs, this.#over.signal)) act();
  }
}
