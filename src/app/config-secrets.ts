/** Keeps passwords out of everything that is printed of a configuration. */
import type { Problem } from '../adapters/file/yaml-document.ts';
import { withoutCredentials } from '../errors/without-credentials.ts';
import { configKeys } from './config-keys.ts';
import type { SpokeConfig } from './config-schema.ts';

const CENSOR = '[secret]';

/** For printing only: what is set and secret says so, and addresses are without user and password. */
export function withoutSecrets(config: SpokeConfig): unknown {
  return addressesOnly(secretKeys().reduce<unknown>((result, { path }) => censored(result, path), config));
}

function addressesOnly(value: unknown): unknown {
  if (typeof value === 'string') return withoutCredentials(value);
  if (Array.isArray(value)) return value.map(addressesOnly);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, addressesOnly(member)]));
}

/** What is wrong with a secret does not repeat it. */
export function discreet(problem: Problem): Problem {
  const isSecret = secretKeys().some(({ name }) => name === problem.key);
  return isSecret ? { ...problem, what: 'cannot be used' } : problem;
}

function secretKeys(): ReturnType<typeof configKeys> {
  return configKeys().filter(({ secret }) => secret);
}

function censored(value: unknown, path: readonly string[]): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value === '' ? '' : CENSOR;
  if (value === null || typeof value !== 'object') return value;
  return { ...value, [step]: censored(Reflect.get(value, step), rest) };
}
