import { describe, expect, it } from 'vitest';
import { coverageOf, coverageTable } from './coverage.ts';
import { statementsNamedIn, type Statement } from './statements.ts';

const proven: Statement = {
  standard: '5.0',
  identifier: 'MQTT-3.1.2-22',
  says: 'silence',
  reason: undefined,
};
const excused: Statement = { ...proven, identifier: 'MQTT-3.1.2-20', reason: 'a client sends it' };
const STATEMENTS = [proven, excused];

describe('the tags of a test', () => {
  it('name one statement or several, of either standard', () => {
    expect(
      statementsNamedIn('silence > ends [3.1.1 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-22, MQTT-3.2.2-22]'),
    ).toEqual([
      { standard: '3.1.1', identifier: 'MQTT-3.1.2-24' },
      { standard: '5.0', identifier: 'MQTT-3.1.2-22' },
      { standard: '5.0', identifier: 'MQTT-3.2.2-22' },
    ]);
  });

  it('are no tags without their standard', () => {
    expect(statementsNamedIn('[MQTT-3.1.2-24] [6.0 MQTT-3.1.2-24]')).toEqual([]);
  });
});

describe('coverage', () => {
  it('is whole when each statement has tests that passed, or a reason', () => {
    const coverage = coverageOf(STATEMENTS, [{ name: 'silence [5.0 MQTT-3.1.2-22]', passed: true }]);
    expect(coverage.problems).toEqual([]);
    expect(coverage.chapters['5.0']).toEqual([
      { chapter: '3.1', statements: 2, byTest: 1, byReason: 1, open: 0 },
    ]);
    expect(coverageTable(coverage)).toMatch(/3\.1 +CONNECT +2 +1 +1 +0\n/);
  });

  it.each([
    ['no test names a statement', [], 'neither a test nor a reason'],
    [
      'one of its tests failed',
      [
        { name: '[5.0 MQTT-3.1.2-22] on tcp', passed: true },
        { name: '[5.0 MQTT-3.1.2-22] on ws', passed: false },
      ],
      'a test that failed',
    ],
    [
      'a test names what does not exist',
      [
        { name: '[5.0 MQTT-3.1.2-22]', passed: true },
        { name: '[5.0 MQTT-9.9.9-9]', passed: true },
      ],
      'no such statement: [5.0 MQTT-9.9.9-9]',
    ],
    [
      'a statement has a reason and a test',
      [{ name: '[5.0 MQTT-3.1.2-22, MQTT-3.1.2-20]', passed: true }],
      '[5.0 MQTT-3.1.2-20] has a reason and a test',
    ],
  ])('complains when %s', (_, outcomes, complaint) => {
    const { problems } = coverageOf(STATEMENTS, outcomes);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(complaint);
  });
});
