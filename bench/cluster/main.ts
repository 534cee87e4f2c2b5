/**
 * `npm run bench:cluster`: measures clusters of one, two and three brokers on a real Kafka and HBase that it starts, beside a lone
 * broker. It prints a table per scenario and writes JSON and SVG files. Progress goes to standard error.
 */
import { tmpdir } from 'node:os';
import { EngineError } from '../../engines/engine.ts';
import { describeMachine } from '../machine/description.ts';
import { writeResults } from '../report/results-file.ts';
import { formatTable } from '../report/table.ts';
import type { Row } from '../scenarios/scenario.ts';
import { MeasuredEngines } from './measured-engines.ts';
import { parseOptions, USAGE } from './options.ts';
import { brokersText, measuredRow } from './scenarios/cluster-scenario.ts';
import type { ClusterBench, ClusterScenario } from './scenarios/cluster-scenario.ts';
import { memory } from './scenarios/memory.ts';
import { measurePairs } from './scenarios/pairs.ts';
import { notices } from './scenarios/notices.ts';
import { storm } from './scenarios/storm.ts';
import { throughput } from './scenarios/throughput.ts';

/** Messages a second, and how often a measuring window of them. */
const WARM_UP_RATE = 1_000;
const WARM_UP_ROUNDS = 5;

const SCENARIOS: readonly ClusterScenario[] = [throughput, notices, storm, memory];

// Without a listener these signals end the process and no 'exit' is emitted.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const options = parseOptions(args);
  const scenarios = chosen(options.scenarios);
  const machine = describeMachine(tmpdir(), 'brokers, Kafka, HBase and bench sharing the cores');
  console.log(`${machine}\n`);
  const log = (line: string): void => {
    process.stderr.write(`  ${line}\n`);
  };
  const startedAt = new Date().toISOString();
  const rows: Row[] = [];
  const engines = await MeasuredEngines.start(options.heapMb, log);
  try {
    await warmUp({ options, engines, log });
    for (const scenario of scenarios) {
      const measured = await scenario.measure({ options, engines, log });
      rows.push(...measured);
      console.log(formatTable(scenario, measured));
    }
  } finally {
    await engines.stop();
  }
  const command = `npm run bench:cluster -- ${args.join(' ')}`;
  const results = { startedAt, command, machine, brokers: [], rows };
  console.log(`Written: ${writeResults(options.traffic.resultsDirectory, results, scenarios).join(', ')}`);
}

/** Kafka and HBase run their first ten thousands of requests uncompiled: traffic that no table shows. */
async function warmUp(bench: ClusterBench): Promise<void> {
  await bench.engines.withCluster({ brokers: 2 }, async (cluster) => {
    const name = { scenario: 'warm-up', variant: 'persistent', broker: brokersText(2) };
    const row = await measuredRow(bench, name, async (drivers) => {
      const traffic = { persistent: true, way: 'cross', rate: WARM_UP_RATE } as const;
      for (let round = 1; round < WARM_UP_ROUNDS; round++)
        await measurePairs(bench, cluster, drivers, traffic);
      return await measurePairs(bench, cluster, drivers, traffic);
    });
    bench.log(`warm-up over${row.note === '' ? '' : `: ${row.note}`}`);
  });
}

function chosen(names: readonly string[] | undefined): readonly ClusterScenario[] {
  if (names === undefined) return SCENARIOS;
  return names.map((name) => {
    const scenario = SCENARIOS.find((candidate) => candidate.name === `cluster-${name}`);
    if (scenario !== undefined) return scenario;
    const known = SCENARIOS.map((each) => each.name.replace('cluster-', '')).join(', ');
    throw new Error(`No scenario is called ${name}; there are ${known}`);
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
