/** The functions of Helm that the chart calls. A value comes last, where a pipe puts it. */
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';

type TemplateFunction = (...args: unknown[]) => unknown;

/** What `if`, `with` and `default` take for nothing. */
export function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Throws for what Helm would print as nothing, or as Go writes maps: no template wants that. */
export function printed(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return `${value}`;
  throw new Error(`${JSON.stringify(value)} is printed as it is`);
}

function whole(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new Error('no whole number');
  return value;
}

function withoutEnd(text: string, end: string): string {
  return text.endsWith(end) ? text.slice(0, -end.length) : text;
}

function formatted(format: string, values: readonly unknown[]): string {
  const left = [...values];
  const text = format.replaceAll(/%./g, (verb) => {
    if (verb !== '%s' || left.length === 0)
      throw new Error(`printf "${format}" with ${values.length} values`);
    return printed(left.shift());
  });
  if (left.length > 0) throw new Error(`printf "${format}" with ${values.length} values`);
  return text;
}

function pairs(args: readonly unknown[]): Record<string, unknown> {
  if (args.length % 2 !== 0) throw new Error('dict with a key without a value');
  const keys = args.filter((_, at) => at % 2 === 0).map(printed);
  return Object.fromEntries(keys.map((key, at) => [key, args[2 * at + 1]]));
}

export const TEMPLATE_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  contains: (part, text) => printed(text).includes(printed(part)),
  default: (otherwise, value) => (isEmpty(value) ? otherwise : value),
  dict: (...args) => pairs(args),
  ne: (left, right) => left !== right,
  nindent: (spaces, text) => `\n${printed(text).replaceAll(/^/gm, ' '.repeat(whole(spaces)))}`,
  not: (value) => isEmpty(value),
  printf: (format, ...values) => formatted(printed(format), values),
  quote: (value) => JSON.stringify(printed(value)),
  replace: (old, fresh, text) => printed(text).replaceAll(printed(old), printed(fresh)),
  sha256sum: (text) => createHash('sha256').update(printed(text)).digest('hex'),
  toYaml: (value) => stringify(value, { indentSeq: false, lineWidth: 0, sortMapEntries: true }).trimEnd(),
  trimSuffix: (end, text) => withoutEnd(printed(text), printed(end)),
  trunc: (length, text) => printed(text).slice(0, whole(length)),
};
