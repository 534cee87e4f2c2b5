/**
 * `npm run bench:profile -- --scenarios offline`: runs scenarios against one broker under V8's CPU profiler and prints, for
 * each phase of each variant, the functions with the most self time. Takes the options of the bench; the broker is SpokeMQ
 * unless `--brokers` names another one that runs on Node. The profiler itself costs some speed: compare parts, not rates.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerLauncher } from './brokers/launch.ts';
import { BROKERS, choose, SCENARIOS } from './catalogue.ts';
import { measureVariant } from './measure.ts';
import { type BenchOptions, parseOptions } from './options.ts';
import { hotSpots, readProfiles } from './report/cpu-profile.ts';
import { formatTable } from './report/table.ts';
import type { Phase, Scenario, Variant } from './scenarios/scenario.ts';

const TOP = 20;
const SAMPLING_INTERVAL_US = 500;

async function profileVariant(
  launcher: BrokerLauncher,
  scenario: Scenario,
  variant: Variant,
  options: BenchOptions,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'spoke-bench-profile-'));
  const phases: Phase[] = [];
  const measurement = await measureVariant(launcher, variant, {
    ...options,
    nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-interval=${SAMPLING_INTERVAL_US}`],
    onPhase: (phase) => phases.push(phase),
  });
  console.log(
    formatTable(scenario, [
      { scenario: scenario.name, broker: launcher.name, variant: variant.name, ...measurement },
    ]),
  );
  const profiles = readProfiles(directory);
  if (profiles.length === 0)
    console.log(`${launcher.name} wrote no profile: it was killed, because it did not stop in time`);
  for (const phase of phases) {
    console.log(
      `${variant.name}, ${phase.name}: self time as a part of the busy time, ${profiles.length} threads`,
    );
    for (const { where, part } of hotSpots(profiles, phase, TOP)) {
      console.log(`${(100 * part).toFixed(1).padStart(6)} %  ${where}`);
    }
    console.log();
  }
  rmSync(directory, { recursive: true });
}

const options = parseOptions(process.argv.slice(2), tmpdir());
const [broker] = choose('broker', BROKERS, options.brokers ?? ['spokemq']);
if (broker?.version() === undefined) throw new Error(`${broker?.name ?? 'The broker'} is not installed`);
for (const scenario of choose('scenario', SCENARIOS, options.scenarios)) {
  for (const variant of scenario.variants(options)) await profileVariant(broker, scenario, variant, options);
}
