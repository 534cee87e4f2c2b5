/**
 * A reporter for vitest that prints what the run proves of the standards, and fails the run when a statement has neither
 * a passed test nor a reason. For runs with all tests of the groups `fast` and `broker`: see `npm run conformance`.
 */
import type { Reporter, TestModule } from 'vitest/node';
import { coverageOf, coverageTable, type TestOutcome } from './coverage.ts';
import { STATEMENTS } from './statements.ts';

export default class CoverageReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const outcomes: TestOutcome[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'skipped') continue;
        outcomes.push({ name: test.fullName, passed: state === 'passed' });
      }
    }
    const coverage = coverageOf(STATEMENTS, outcomes);
    process.stdout.write(`\n${coverageTable(coverage)}`);
    if (coverage.problems.length === 0) return;
    process.stdout.write(`\n${coverage.problems.join('\n')}\n`);
    process.exitCode = 1;
  }
}
