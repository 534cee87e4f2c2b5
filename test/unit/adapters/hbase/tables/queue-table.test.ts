import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  ENDPOINT_CLASS,
  ENDPOINT_VERSION,
  queueTable,
  queueTableSplits,
} from '../../../../../src/adapters/hbase/tables/queue-table.ts';
import {
  differenceText,
  merged,
  tableDifferences,
} from '../../../../../src/adapters/hbase/tables/table-differences.ts';

const OPTIONS = {
  namespace: 'spoke',
  messageTtlS: 3_600,
  inMemoryCompaction: 'EAGER',
  coprocessorJar: '',
} as const;
const WANTED = queueTable(OPTIONS);
const coprocessor = new URL('../../../../../coprocessor/', import.meta.url);

describe('the queue table', () => {
  test('names the endpoint that comes with this broker', () => {
    const pom = readFileSync(new URL('pom.xml', coprocessor), 'utf8');
    expect(/<version>([^<]+)<\/version>/.exec(pom)?.[1]).toBe(ENDPOINT_VERSION);
    const source = `src/main/java/${ENDPOINT_CLASS.replaceAll('.', '/')}.java`;
    expect(readFileSync(new URL(source, coprocessor), 'utf8')).toContain('class QueueEndpoint');
    expect(WANTED.attributes['coprocessor$1']).toBe(
      `|${ENDPOINT_CLASS}|1073741823|version=${ENDPOINT_VERSION}`,
    );
  });

  test('lets messages go and keeps states for ever', () => {
    const ttls = WANTED.families.map(({ name, attributes }) => [name, attributes['TTL']]);
    expect(ttls).toEqual([
      ['m', '3600'],
      ['q', '2147483647'],
    ]);
    const forever = queueTable({ ...OPTIONS, messageTtlS: 0 });
    expect(forever.families[0]?.attributes['TTL']).toBe('2147483647');
  });

  test('has 128 regions of the same share of keys', () => {
    const splits = queueTableSplits();
    expect(splits).toHaveLength(127);
    expect([splits[0], splits.at(-1)]).toEqual([Buffer.from([2]), Buffer.from([254])]);
  });
});

describe('differences between tables', () => {
  test('none between a table and itself, or itself with more', () => {
    expect(tableDifferences(WANTED, WANTED)).toEqual([]);
    const more = {
      ...WANTED,
      attributes: { ...WANTED.attributes, OWNER: 'ops' },
      families: [...WANTED.families, { name: 'x', attributes: {} }],
    };
    expect(tableDifferences(WANTED, more)).toEqual([]);
    expect(
      merged(WANTED, {
        ...more,
        families: more.families.map((family) => ({ configuration: {}, ...family })),
      }),
    ).toMatchObject({
      attributes: { OWNER: 'ops' },
      families: [{ name: 'm' }, { name: 'q' }, { name: 'x' }],
    });
  });

  test('are told one by one', () => {
    const [messages] = WANTED.families;
    const found = {
      ...WANTED,
      attributes: {},
      families: [{ name: 'm', attributes: { ...messages?.attributes, TTL: '1' } }],
    };
    const texts = tableDifferences(WANTED, found).map(differenceText);
    expect(texts).toContain('family m: TTL is "1", should be "3600"');
    expect(texts).toContain('family q: VERSIONS is not set, should be "1"');
    expect(texts.filter((text) => text.startsWith('table: '))).toHaveLength(5);
  });
});
