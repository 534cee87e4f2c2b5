/** What a table is and what it should be, compared one attribute at a time. What nobody asked for is left alone. */
import type { FamilyDescriptor, TableDescriptor } from '../client/table-descriptor.ts';

export interface TableDifference {
  /** `family m: TTL` or `table: SPLIT_POLICY`. */
  readonly where: string;
  /** undefined: not set, or not there. */
  readonly found: string | undefined;
  readonly wanted: string;
}

type Attributes = Readonly<Record<string, string>>;

export function tableDifferences(
  wanted: TableDescriptor,
  found: TableDescriptor,
): readonly TableDifference[] {
  const families = wanted.families.flatMap((family) => {
    const there = found.families.find(({ name }) => name === family.name);
    return attributeDifferences(`family ${family.name}`, family.attributes, there?.attributes ?? {});
  });
  return [...families, ...attributeDifferences('table', wanted.attributes, found.attributes)];
}

/** `found` with every wanted value in place. */
export function merged(wanted: TableDescriptor, found: Required<TableDescriptor>): Required<TableDescriptor> {
  const kept = found.families.filter(({ name }) => wanted.families.every((family) => family.name !== name));
  return {
    ...found,
    attributes: { ...found.attributes, ...wanted.attributes },
    families: [...wanted.families.map((family) => mergedFamily(family, found.families)), ...kept],
  };
}

export function differenceText({ where, found, wanted }: TableDifference): string {
  return `${where} is ${found === undefined ? 'not set' : JSON.stringify(found)}, should be ${JSON.stringify(wanted)}`;
}

function mergedFamily(wanted: FamilyDescriptor, found: readonly FamilyDescriptor[]): FamilyDescriptor {
  const there = found.find(({ name }) => name === wanted.name);
  return there === undefined
    ? wanted
    : { ...there, attributes: { ...there.attributes, ...wanted.attributes } };
}

function attributeDifferences(
  owner: string,
  wanted: Attributes,
  found: Attributes,
): readonly TableDifference[] {
  return Object.entries(wanted).flatMap(([name, value]) =>
    found[name] === value ? [] : [{ where: `${owner}: ${name}`, found: found[name], wanted: value }],
  );
}
