/**
 * The configuration: one optional YAML file, environment variables over it, defaults under it, checked as a
 * whole. Every problem is reported at once, with its place and its fix.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { schemaProblems, keyText } from '../adapters/file/schema-problems.ts';
import { formatProblem, YamlDocument } from '../adapters/file/yaml-document.ts';
import type { Problem, ValuePath } from '../adapters/file/yaml-document.ts';
import { applyOverrides, CONFIG_FILE_VARIABLE, readOverrides } from './config-environment.ts';
import type { Environment, Overrides } from './config-environment.ts';
import { configKeys } from './config-keys.ts';
import { ruleViolations } from './config-rules.ts';
import { configSchema } from './config-schema.ts';
import { discreet } from './config-secrets.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { TlsFiles } from './tls-files.ts';

/** Read when neither `--config` nor `SPOKE_CONFIG` names a file. */
export const DEFAULT_CONFIG_FILE = 'spokemq.yaml';

export interface ConfigSource {
  /** From `--config`. */
  readonly file: string | undefined;
  readonly environment: Environment;
  readonly workingDirectory: string;
}

export interface LoadedConfig {
  /** Paths in it are absolute: relative ones start at the directory of the file, or else where we were started. */
  readonly config: SpokeConfig;
  /** undefined: no file was read. */
  readonly file: string | undefined;
  readonly warnings: readonly string[];
}

/** The configuration cannot be used. The message has one line per problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

export function loadConfig(source: ConfigSource): LoadedConfig {
  const document = readDocument(source);
  if (document !== undefined && document.syntaxProblems.length > 0)
    throw new ConfigError(document.syntaxProblems);
  const overrides = readOverrides(source.environment, configKeys());
  const value = applyOverrides(document?.value, overrides.values) ?? {};
  const whereIs = locator(document, overrides);
  const parsed = configSchema.safeParse(value);
  const problems = [...overrides.problems, ...problemsOf(parsed, value, whereIs)];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const base = document === undefined ? source.workingDirectory : dirname(document.file);
  return {
    config: withAbsolutePaths(parsed.data, base),
    file: document?.file,
    warnings: overrides.warnings,
  };
}

function readDocument(source: ConfigSource): YamlDocument | undefined {
  const variable = source.environment[CONFIG_FILE_VARIABLE];
  const named = source.file ?? (variable === '' ? undefined : variable);
  const file = resolve(source.workingDirectory, named ?? DEFAULT_CONFIG_FILE);
  try {
    return new YamlDocument(file, readFileSync(file, 'utf8'));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (named === undefined && code === 'ENOENT') return undefined;
    const what = code === 'ENOENT' ? 'does not exist' : `cannot be read (${String(code ?? cause)})`;
    throw new ConfigError([
      {
        where: file,
        key: '',
        what,
        fix: `Create it, or name another file with --config or ${CONFIG_FILE_VARIABLE}`,
      },
    ]);
  }
}

function problemsOf(
  parsed: z.ZodSafeParseResult<SpokeConfig>,
  value: unknown,
  whereIs: (path: ValuePath) => string,
): readonly Problem[] {
  if (!parsed.success) {
    return schemaProblems(parsed.error.issues, configSchema, value, whereIs).map(discreet);
  }
  return ruleViolations(parsed.data).map(({ path, what, fix }) => ({
    where: whereIs(path),
    key: keyText(path),
    what,
    fix,
  }));
}

/** Says of a path which variable or which place of the file its value comes from. */
function locator(document: YamlDocument | undefined, overrides: Overrides): (path: ValuePath) => string {
  return (path) => {
    const override = overrides.values.find(({ key }) =>
      key.path.every((step, depth) => path[depth] === step),
    );
    return override?.key.variable ?? document?.whereIs(path) ?? 'defaults';
  };
}

function withAbsolutePaths(config: SpokeConfig, base: string): SpokeConfig {
  const absolute = (path: string): string => resolve(base, path);
  return {
    ...config,
    dataDirectory: absolute(config.dataDirectory),
    admin: {
      ...config.admin,
      tokens: config.admin.tokens.map((token) => ({ ...token, tokenFile: absolute(token.tokenFile) })),
    },
    auth: {
      ...config.auth,
      usersFile: absolute(config.auth.usersFile),
      jwt: withAbsoluteKeys(config.auth.jwt, absolute),
      cache: {
        ...config.auth.cache,
        redis: {
          ...config.auth.cache.redis,
          tls: withAbsoluteFiles(config.auth.cache.redis.tls, absolute),
        },
      },
      mysql: { ...config.auth.mysql, tls: withAbsoluteFiles(config.auth.mysql.tls, absolute) },
      http: { ...config.auth.http, tls: withAbsoluteFiles(config.auth.http.tls, absolute) },
    },
    bridge: {
      ...config.bridge,
      redis: { ...config.bridge.redis, tls: withAbsoluteFiles(config.bridge.redis.tls, absolute) },
    },
    kafka: { ...config.kafka, tls: withAbsoluteFiles(config.kafka.tls, absolute) },
    listeners: config.listeners.map((listener) => {
      if (!('tls' in listener)) return listener;
      const { caFile, certFile, keyFile, certificates, ...rest } = listener.tls;
      const tls = {
        ...rest,
        certFile: absolute(certFile),
        keyFile: absolute(keyFile),
        certificates: certificates.map((further) => ({
          certFile: absolute(further.certFile),
          keyFile: absolute(further.keyFile),
        })),
      };
      return { ...listener, tls: caFile === undefined ? tls : { ...tls, caFile: absolute(caFile) } };
    }),
  };
}

function withAbsoluteKeys(
  jwt: SpokeConfig['auth']['jwt'],
  absolute: (path: string) => string,
): SpokeConfig['auth']['jwt'] {
  const fileOf = (path: string): string => (path === '' ? '' : absolute(path));
  return { ...jwt, jwksFile: fileOf(jwt.jwksFile), caFile: fileOf(jwt.caFile) };
}

/** Empty: none. */
function withAbsoluteFiles<Tls extends TlsFiles>(tls: Tls, absolute: (path: string) => string): Tls {
  const fileOf = (path: string): string => (path === '' ? '' : absolute(path));
  const { caFile, certFile, keyFile } = tls;
  return { ...tls, caFile: fileOf(caFile), certFile: fileOf(certFile), keyFile: fileOf(keyFile) };
}
