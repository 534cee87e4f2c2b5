/**
 * `npm run bench:quotas`: what one tenant feels of another that floods, with a quota and without. Prints a table and writes it as JSON.
 * Progress goes to standard error.
 */
import { fileURLToPath } from 'node:url';
import { describeMachine } from '../machine/description.ts';
import { writeResults } from '../report/results-file.ts';
import { formatTable } from '../report/table.ts';
import { FLOOD_SCENARIO, measureFloods } from './flood.ts';
import { parseOptions, USAGE } from './options.ts';

const RESULTS_DIRECTORY = fileURLToPath(new URL('../../results', import.meta.url));

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const options = parseOptions(args, RESULTS_DIRECTORY);
  const startedAt = new Date().toISOString();
  const machine = describeMachine(options.dataRoot);
  console.log(`${machine}\n`);
  const rows = await measureFloods(options, (line) => {
    process.stderr.write(`  ${line}\n`);
  });
  console.log(formatTable(FLOOD_SCENARIO, rows));
  const command = `npm run bench:quotas -- ${args.join(' ')}`;
  const results = { startedAt, command, machine, brokers: [], rows };
  console.log(`Written: ${writeResults(options.resultsDirectory, results, [FLOOD_SCENARIO]).join(', ')}`);
  if (rows.some(({ figures }) => Number.isNaN(figures['p99']))) process.exitCode = 1;
}

await main(process.argv.slice(2));
