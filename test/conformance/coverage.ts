/** What a test run proves of the standards: a table by chapter, and everything that does not add up. Pure. */
import { chapterOf, nameOf, STANDARDS, statementsNamedIn } from './statements.ts';
import type { Standard, Statement } from './statements.ts';

export interface TestOutcome {
  /** With the names of its describe blocks. */
  readonly name: string;
  readonly passed: boolean;
}

export interface ChapterCoverage {
  readonly chapter: string;
  readonly statements: number;
  readonly byTest: number;
  readonly byReason: number;
  readonly open: number;
}

export interface Coverage {
  readonly chapters: Readonly<Record<Standard, readonly ChapterCoverage[]>>;
  /** One sentence each; none: every statement is proven or has its reason. */
  readonly problems: readonly string[];
}

const TITLES: Readonly<Record<string, string>> = {
  '1': 'Data representation',
  '2': 'Packet format',
  '3.1': 'CONNECT',
  '3.2': 'CONNACK',
  '3.3': 'PUBLISH',
  '3.4': 'PUBACK',
  '3.5': 'PUBREC',
  '3.6': 'PUBREL',
  '3.7': 'PUBCOMP',
  '3.8': 'SUBSCRIBE',
  '3.9': 'SUBACK',
  '3.10': 'UNSUBSCRIBE',
  '3.11': 'UNSUBACK',
  '3.12': 'PINGREQ',
  '3.14': 'DISCONNECT',
  '3.15': 'AUTH',
  '4': 'Operational behaviour',
  '6': 'WebSocket',
  '7': 'Conformance',
};

/** `outcomes`: of tests that ran. A statement is proven when tests name it and all of those passed. */
export function coverageOf(statements: readonly Statement[], outcomes: readonly TestOutcome[]): Coverage {
  const testsByStatement = new Map<string, TestOutcome[]>(statements.map((each) => [nameOf(each), []]));
  const problems: string[] = [];
  for (const outcome of outcomes) {
    for (const named of statementsNamedIn(outcome.name)) {
      const tests = testsByStatement.get(nameOf(named));
      if (tests === undefined) problems.push(`no such statement: ${nameOf(named)} in "${outcome.name}"`);
      else tests.push(outcome);
    }
  }
  const isProven = (statement: Statement): boolean => {
    const tests = testsByStatement.get(nameOf(statement)) ?? [];
    return tests.length > 0 && tests.every(({ passed }) => passed);
  };
  for (const statement of statements) {
    const [first] = testsByStatement.get(nameOf(statement)) ?? [];
    if (statement.reason !== undefined && first !== undefined) {
      problems.push(`${nameOf(statement)} has a reason and a test: "${first.name}"`);
    } else if (statement.reason === undefined && !isProven(statement)) {
      const why = first === undefined ? 'neither a test nor a reason' : 'a test that failed';
      problems.push(`${nameOf(statement)} has ${why}: ${statement.says}`);
    }
  }
  return { chapters: byStandard(statements, isProven), problems };
}

export function coverageTable({ chapters }: Coverage): string {
  return STANDARDS.flatMap((standard) => {
    const rows = chapters[standard];
    return [
      columns(`MQTT ${standard}`, 'statements', 'by test', 'by reason', 'open'),
      ...rows.map((row) => rowText(`${row.chapter.padEnd(5)}${TITLES[row.chapter] ?? ''}`, row)),
      rowText('all', totalOf(rows)),
      '',
    ];
  }).join('\n');
}

function byStandard(
  statements: readonly Statement[],
  isProven: (statement: Statement) => boolean,
): Coverage['chapters'] {
  const chaptersOf = (standard: Standard): ChapterCoverage[] => {
    const ofStandard = statements.filter((each) => each.standard === standard);
    return [...new Set(ofStandard.map(chapterOf))].map((chapter) => {
      const group = ofStandard.filter((each) => chapterOf(each) === chapter);
      const byReason = group.filter(({ reason }) => reason !== undefined).length;
      const byTest = group.filter((each) => each.reason === undefined && isProven(each)).length;
      const open = group.length - byTest - byReason;
      return { chapter, statements: group.length, byTest, byReason, open };
    });
  };
  return { '3.1.1': chaptersOf('3.1.1'), '5.0': chaptersOf('5.0') };
}

function totalOf(rows: readonly ChapterCoverage[]): Omit<ChapterCoverage, 'chapter'> {
  const sum = (field: 'statements' | 'byTest' | 'byReason' | 'open') =>
    rows.reduce((total, row) => total + row[field], 0);
  return {
    statements: sum('statements'),
    byTest: sum('byTest'),
    byReason: sum('byReason'),
    open: sum('open'),
  };
}

function rowText(title: string, row: Omit<ChapterCoverage, 'chapter'>): string {
  return columns(title, `${row.statements}`, `${row.byTest}`, `${row.byReason}`, `${row.open}`);
}

function columns(title: string, ...cells: readonly string[]): string {
  return title.padEnd(32) + cells.map((cell) => cell.padStart(12)).join('');
}
