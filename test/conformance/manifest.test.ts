/** The manifest, the tests and the documentation say the same about the same statements. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { coverageOf, type TestOutcome } from './coverage.ts';
import { reasonTables } from './reasons.ts';
import { STATEMENTS, statementsNamedIn, type Standard } from './statements.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** As the appendices B of the standards list them. */
const STATEMENT_COUNTS: Readonly<Record<Standard, number>> = { '3.1.1': 141, '5.0': 251 };

/** The packets of a table become names of tests. */
function isTestOfBroker(file: string): boolean {
  return file !== 'test/conformance/coverage.test.ts' && /\.test\.ts$|^test\/packets\//.test(file);
}

/** `MQTT-3.1.2` of `MQTT-3.1.2-24`. */
function sectionOf(identifier: string): string {
  return identifier.slice(0, identifier.lastIndexOf('-'));
}

function sourcesIn(folder: string): { readonly file: string; readonly text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ file: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') }));
}

describe('the manifest', () => {
  it.each(['3.1.1', '5.0'] as const)('has every statement of MQTT %s', (standard) => {
    const identifiers = STATEMENTS.filter((each) => each.standard === standard).map(
      ({ identifier }) => identifier,
    );
    expect(identifiers).toHaveLength(STATEMENT_COUNTS[standard]);
    for (const section of new Set(identifiers.map(sectionOf))) {
      const group = identifiers.filter((identifier) => sectionOf(identifier) === section);
      // Where MQTT 5.0 begins with the second.
      const first = section === 'MQTT-2.2.1' ? 2 : 1;
      expect(group).toEqual(group.map((_, index) => `${section}-${first + index}`));
    }
  });

  it('has a reason, or a test that names the statement, for each of them, and nothing else is named', () => {
    // What stands in a test's source has run: no test is left out. Whether it passed is seen by `npm run conformance`.
    const named: TestOutcome[] = sourcesIn('test')
      .filter(({ file }) => isTestOfBroker(file))
      .map(({ file, text }) => ({ name: `${file} ${text}`, passed: true }))
      .filter(({ name }) => statementsNamedIn(name).length > 0);
    expect(coverageOf(STATEMENTS, named).problems.map((problem) => problem.slice(0, 200))).toEqual([]);
  });

  it('knows every identifier that a source file mentions', () => {
    const known = new Set(STATEMENTS.map(({ identifier }) => identifier));
    const unknown = [...sourcesIn('src'), ...sourcesIn('test')].flatMap(({ file, text }) =>
      [...text.matchAll(/\bMQTT-\d+\.\d+\.\d+-\d+/g)]
        .filter(([identifier]) => !known.has(identifier) && !file.endsWith('coverage.test.ts'))
        .map(([identifier]) => `${file}: ${identifier}`),
    );
    expect(unknown).toEqual([]);
  });
});

test('docs/conformance.md has the reasons (update it with vitest -u)', async () => {
  const page = readFileSync(join(root, 'docs/conformance.md'), 'utf8');
  const begin = '<!-- reasons: generated, a test compares -->\n';
  const end = '<!-- /reasons -->\n';
  const [before, rest] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  expect(after, 'docs/conformance.md has a place for the reasons').toBeDefined();
  await expect(`${before}${begin}\n${reasonTables()}\n${end}${after}`).toMatchFileSnapshot(
    '../../docs/conformance.md',
  );
});
