/**
 * `npm run bench`: runs the chosen scenarios against the chosen brokers, one at a time, prints a table per scenario and
 * writes JSON and SVG files. Progress goes to standard error.
 */
import { fileURLToPath } from 'node:url';
import type { BrokerLauncher } from './brokers/launch.ts';
import { BROKERS, choose, SCENARIOS } from './catalogue.ts';
import { describeMachine } from './machine/description.ts';
import { measureVariant } from './measure.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { writeResults } from './report/results-file.ts';
import { formatTable } from './report/table.ts';
import type { Row, Scenario } from './scenarios/scenario.ts';

const RESULTS_DIRECTORY = fileURLToPath(new URL('../results', import.meta.url));

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const options = parseOptions(args, RESULTS_DIRECTORY);
  const scenarios = choose('scenario', SCENARIOS, options.scenarios);
  const brokers = choose('broker', BROKERS, options.brokers);
  const startedAt = new Date().toISOString();
  const machine = describeMachine(options.dataRoot);
  console.log(`${machine}\n`);
  for (const { name, settings, version } of brokers) {
    console.log(`${name} ${version() ?? 'not installed'}: ${settings}`);
  }
  console.log();
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    const measured = await runScenario(scenario, brokers, options);
    rows.push(...measured);
    console.log(formatTable(scenario, measured));
  }
  const results = {
    startedAt,
    command: `npm run bench -- ${args.join(' ')}`,
    machine,
    brokers: brokers.map(({ name, version, settings }) => ({
      name,
      settings,
      version: version() ?? 'not installed',
    })),
    rows,
  };
  console.log(`Written: ${writeResults(options.resultsDirectory, results, scenarios).join(', ')}`);
  if (options.isSmoke) failUnlessMeasured(rows);
}

async function runScenario(
  scenario: Scenario,
  brokers: readonly BrokerLauncher[],
  options: BenchOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const variant of scenario.variants(options)) {
    for (const broker of brokers) {
      const measurement =
        broker.version() === undefined
          ? { figures: {}, note: 'not installed' }
          : await measureVariant(broker, variant, { ...options, nodeArgs: [], onPhase: () => undefined });
      rows.push({ scenario: scenario.name, broker: broker.name, variant: variant.name, ...measurement });
    }
  }
  return rows;
}

/** A smoke run that measured nothing has not proved that the harness works. */
function failUnlessMeasured(rows: readonly Row[]): void {
  const empty = rows.filter((row) => Object.keys(row.figures).length === 0);
  for (const row of empty) console.error(`${row.scenario}, ${row.variant}: nothing measured (${row.note})`);
  if (empty.length > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
