/**
 * Measures one variant of a scenario on one freshly started broker. A broker that fails gives a row that says so; it never
 * ends the run.
 */
import type { BrokerLauncher } from './brokers/launch.ts';
import { startBroker } from './brokers/start-broker.ts';
import { DriverPool } from './driver/driver-pool.ts';
import type { BenchOptions } from './options.ts';
import type { Measurement, Phase, Variant } from './scenarios/scenario.ts';

export interface MeasureOptions extends BenchOptions {
  readonly nodeArgs: readonly string[];
  readonly onPhase: (phase: Phase) => void;
}

export async function measureVariant(
  launcher: BrokerLauncher,
  variant: Variant,
  options: MeasureOptions,
): Promise<Measurement> {
  const drivers = new DriverPool(options.drivers);
  try {
    const broker = await startBroker(launcher, options);
    try {
      return await variant.measure({
        broker,
        drivers,
        options,
        log: (line) => {
          process.stderr.write(`  ${launcher.name}, ${variant.name}: ${line}\n`);
        },
        phase: options.onPhase,
      });
    } finally {
      await drivers.stop();
      await broker.stop();
    }
  } catch (error) {
    return { figures: {}, note: `failed: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    await drivers.stop();
  }
}
