/**
 * Adds up the tests of vitest's JSON reports and of folders of JUnit's XML reports, and prints one line. Fails when a test failed, when
 * one was skipped, because it proves nothing, and when a report has no tests.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

let passed = 0;
let failed = 0;
for (const report of process.argv.slice(2)) {
  const counts = statSync(report).isDirectory() ? countOfJUnit(report) : countOfVitest(report);
  if (counts.passed === 0) throw new Error(`${report} tells of no test that passed`);
  passed += counts.passed;
  failed += counts.failed;
}
process.stdout.write(`\nTests: ${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

function countOfVitest(file) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  return { passed: report.numPassedTests, failed: report.numFailedTests + report.numPendingTests };
}

function countOfJUnit(folder) {
  let passed = 0;
  let failed = 0;
  for (const file of readdirSync(folder).filter((name) => /^TEST-.*\.xml$/.test(name))) {
    const [suite = ''] = /<testsuite\b[^>]*>/.exec(readFileSync(join(folder, file), 'utf8')) ?? [];
    const number = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
    const bad = number('failures') + number('errors') + number('skipped');
    passed += number('tests') - bad;
    failed += bad;
  }
  return { passed, failed };
}
