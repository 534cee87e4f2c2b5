/** `docs/events.md` and `schemas/README.md` say what the schemas and the codecs say. */
import { expect, test } from 'vitest';
import { repositoryFile, versionsByName } from '../../support/published-schemas.ts';
import { schemaReference } from '../../support/schema-reference.ts';

const PAGE = 'docs/events.md';

test('docs/events.md has the fields of the newest version of every record (update it with vitest -u)', async () => {
  let page = repositoryFile(PAGE).toString();
  for (const [name, versions] of versionsByName()) {
    const begin = `<!-- fields of ${name}: generated, a test compares -->\n`;
    const end = `<!-- /fields of ${name} -->\n`;
    const [before, rest] = page.split(begin);
    const [, after] = rest?.split(end) ?? [];
    expect(after, `${PAGE} has a place for ${name}`).toBeDefined();
    page = `${before}${begin}${schemaReference(versions.at(-1)!)}${end}${after}`;
  }
  await expect(page).toMatchFileSnapshot(`../../../${PAGE}`);
});

test.each(['src/queue/message-codec.ts', 'src/adapters/embedded/entry-codec.ts'])(
  'schemas/README.md has the format that stands in %s',
  (file) => {
    const grammar = /^ \* {5}\w+ +:= .*(?:\n \* {5}.*)*/m.exec(repositoryFile(file).toString())?.[0] ?? '';
    const lines = grammar.split('\n').map((line) => line.slice(' *     '.length));
    expect(lines.length).toBeGreaterThan(1);
    expect(repositoryFile('schemas/README.md').toString()).toContain(lines.join('\n'));
  },
);
