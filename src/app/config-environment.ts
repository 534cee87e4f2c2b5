/** Environment variables over the values of the configuration file: `SPOKE_` and the key in upper snake case. */
import { closestName } from '../adapters/file/closest-name.ts';
import type { Problem } from '../adapters/file/yaml-document.ts';
import type { ConfigKey } from './config-keys.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names that are not keys: the file itself. */
export const CONFIG_FILE_VARIABLE = 'SPOKE_CONFIG';

export interface Overrides {
  readonly values: readonly { readonly key: ConfigKey; readonly value: unknown }[];
  readonly problems: readonly Problem[];
  /** Variables that look like ours and are not: an orchestrator may well set such, so they stop nothing. */
  readonly warnings: readonly string[];
}

export function readOverrides(environment: Environment, keys: readonly ConfigKey[]): Overrides {
  const byVariable = new Map(keys.map((key) => [key.variable, key]));
  const values: { key: ConfigKey; value: unknown }[] = [];
  const problems: Problem[] = [];
  const warnings: string[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('SPOKE_') || variable === CONFIG_FILE_VARIABLE || text === undefined) continue;
    const key = byVariable.get(variable);
    if (key === undefined) {
      const closest = closestName(variable, [...byVariable.keys()]);
      warnings.push(`${variable} is no setting${closest === undefined ? '' : `; did you mean ${closest}?`}`);
      continue;
    }
    const parsed = parseValue(key, text);
    if (parsed.fix === undefined) values.push({ key, value: parsed.value });
    else
      problems.push({ where: variable, key: key.name, what: `is ${JSON.stringify(text)}`, fix: parsed.fix });
  }
  return { values, problems, warnings };
}

/** A copy of `document` with the overrides in place. */
export function applyOverrides(document: unknown, overrides: Overrides['values']): unknown {
  let result = document;
  for (const { key, value } of overrides) result = withValue(result, key.path, value);
  return result;
}

function withValue(document: unknown, path: readonly string[], value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (document === undefined || document === null) return { [step]: withValue(undefined, rest, value) };
  // A scalar or list where a map belongs stays, for the schema to complain about.
  if (typeof document !== 'object' || Array.isArray(document)) return document;
  return { ...document, [step]: withValue(Reflect.get(document, step), rest, value) };
}

function parseValue(key: ConfigKey, text: string): { readonly value?: unknown; readonly fix?: string } {
  switch (key.kind) {
    case 'text':
      return { value: text };
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? { value: Number(text) } : { fix: `Use ${key.type}` };
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : { fix: 'Use true or false' };
    case 'list':
      try {
        return { value: JSON.parse(text) };
      } catch {
        return { fix: `Use a JSON list, for example ${JSON.stringify(key.fallback)}` };
      }
  }
}
