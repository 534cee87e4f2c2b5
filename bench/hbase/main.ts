/**
 * `npm run bench:hbase`: measures the queues in HBase beside HBase's own limits. It starts the servers it needs, prints a table
 * per scenario and writes JSON and SVG files. Progress goes to standard error.
 */
import { tmpdir } from 'node:os';
import { EngineError } from '../../engines/engine.ts';
import { missingJava } from '../../engines/java.ts';
import { describeMachine } from '../machine/description.ts';
import { writeResults } from '../report/results-file.ts';
import { formatTable } from '../report/table.ts';
import type { Row } from '../scenarios/scenario.ts';
import { HBaseLife } from './hbase-life.ts';
import { parseOptions, USAGE } from './options.ts';
import { RawClient } from './raw-client.ts';
import { appends } from './scenarios/appends.ts';
import type { HBaseBench, HBaseScenario } from './scenarios/hbase-scenario.ts';
import { heads } from './scenarios/heads.ts';
import { inMemoryCompaction } from './scenarios/in-memory-compaction.ts';
import { publishers } from './scenarios/publishers.ts';
import { trims } from './scenarios/trims.ts';
import { walSync } from './scenarios/wal-sync.ts';

const SCENARIOS: readonly HBaseScenario[] = [appends, publishers, heads, trims, walSync, inMemoryCompaction];
/** One HBase serves them all, and between them they use every part of the harness but the restarts. */
const SMOKE_SCENARIOS = [appends, publishers, heads];

// Without a listener these signals end the process and no 'exit' is emitted.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const options = parseOptions(args);
  const missing = missingJava();
  if (missing !== undefined && options.isSmoke) {
    console.log(`HBase is left out. ${missing}`);
    return;
  }
  const scenarios =
    options.isSmoke && options.scenarios === undefined ? SMOKE_SCENARIOS : chosen(options.scenarios);
  const machine = describeMachine(tmpdir(), 'HBase, clients and bench sharing the cores');
  console.log(`${machine}\n`);
  const log = (line: string): void => {
    process.stderr.write(`  ${line}\n`);
  };
  const raw = await RawClient.compile(log);
  const nodeArgs =
    options.profileDirectory === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${options.profileDirectory}`];
  const life = new HBaseLife(raw, nodeArgs, !options.isSmoke, log);
  const bench: HBaseBench = {
    options,
    log,
    withHBase: async (wanted, work) =>
      work(await life.get({ walSync: false, heapMb: options.heapMb, ...wanted })),
  };
  const startedAt = new Date().toISOString();
  const rows: Row[] = [];
  try {
    for (const scenario of scenarios) {
      const measured = await scenario.measure(bench);
      rows.push(...measured);
      console.log(formatTable(scenario, measured));
    }
  } finally {
    await life.stop();
  }
  if (options.isSmoke) failUnlessMeasured(rows);
  const command = `npm run bench:hbase -- ${args.join(' ')}`;
  const results = { startedAt, command, machine, brokers: [], rows };
  console.log(`Written: ${writeResults(options.resultsDirectory, results, scenarios).join(', ')}`);
}

/** A smoke run that measured nothing has not proved that the harness works. */
function failUnlessMeasured(rows: readonly Row[]): void {
  const empty = rows.filter(({ figures }) => !((figures['rate'] ?? figures['p50'] ?? 0) > 0));
  for (const { scenario, variant, broker } of empty)
    console.error(`${scenario}, ${variant}, ${broker}: nothing measured`);
  if (empty.length > 0) process.exitCode = 1;
}

function chosen(names: readonly string[] | undefined): readonly HBaseScenario[] {
  if (names === undefined) return SCENARIOS;
  return names.map((name) => {
    const scenario = SCENARIOS.find((candidate) => candidate.name === `hbase-${name}`);
    if (scenario !== undefined) return scenario;
    throw new Error(
      `No scenario is called ${name}; there are ${SCENARIOS.map((each) => each.name.replace('hbase-', '')).join(', ')}`,
    );
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
