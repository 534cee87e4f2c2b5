/** `npm run fuzz -- --minutes 10 --seed 42`: the long mode. Prints the seed, and what failed as a file to keep. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz-run.ts';

const MS_PER_MINUTE = 60_000;
/** From where it is started, the root of the package. */
const REGRESSIONS = join('test', 'fuzz', 'regressions');

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('Usage: npm run fuzz -- [--minutes N] [--seed WHOLE-NUMBER]');
  process.exit(2);
}

console.log(`Seed ${seed}, ${minutes} minutes`);
const report = await fuzz({
  seed,
  durationMs: minutes * MS_PER_MINUTE,
  report: (line) => {
    console.log(line);
  },
});
console.log(
  `${report.cases} cases, ${report.socketCases} of them over sockets; ${report.refusals} connections refused or ended by the ` +
    `broker; ${report.roundTrips} round trips of the witness`,
);
if (report.failure !== undefined) {
  const file = join(REGRESSIONS, `${report.failure.case.name.replaceAll(/\W+/g, '-')}.json`);
  await mkdir(REGRESSIONS, { recursive: true });
  await writeFile(file, `${JSON.stringify(report.failure.case, undefined, 2)}\n`);
  console.log(`FAILED: ${report.failure.problems.join('\n')}\nKept in ${file}. Repeat with --seed ${seed}`);
  process.exitCode = 1;
}
