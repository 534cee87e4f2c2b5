/**
 * Structured logs. What could be a secret is removed by name wherever an object is logged. `pretty` is for people
 * and promises no format.
 */
import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { SpokeConfig } from './config-schema.ts';
import { printable } from './printable.ts';

export type { Logger } from 'pino';

/** Members that never reach a log, at the top of an object or one level down. */
const SECRETS = ['password', 'token', 'authorization', 'authenticationData', 'secret'];

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO ',
  40: 'WARN ',
  50: 'ERROR',
  60: 'FATAL',
};

export interface LogOutput extends DestinationStream {
  readonly isTerminal: boolean;
}

export function createLogger(config: SpokeConfig['log'], output: LogOutput): Logger {
  const options = {
    level: config.level,
    redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(options, isPretty(config, output) ? prettyPrinter(output) : output);
}

export function isPretty(config: SpokeConfig['log'], output: { readonly isTerminal: boolean }): boolean {
  return config.format === 'pretty' || (config.format === 'auto' && output.isTerminal);
}

function prettyPrinter(output: DestinationStream): DestinationStream {
  return { write: (line) => output.write(prettyLine(line)) };
}

/** `10:02:03.004 INFO  message key=value`, a stack below it. */
function prettyLine(line: string): string {
  const record: unknown = JSON.parse(line);
  if (record === null || typeof record !== 'object') return line;
  const { level, time, msg, err, ...fields } = record as Record<string, unknown>;
  const at = typeof time === 'string' ? time.slice(11, 23) : '';
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${fieldText(value)}`);
  return `${at} ${LEVEL_NAMES[Number(level)] ?? ''} ${fieldText(msg ?? '')}${rest.join('')}${errorText(err)}\n`;
}

function fieldText(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}

function errorText(err: unknown): string {
  if (err === null || typeof err !== 'object') return '';
  const text: unknown = Reflect.get(err, 'stack') ?? Reflect.get(err, 'message');
  return typeof text === 'string' ? `\n  ${text.replaceAll('\n', '\n  ')}` : '';
}
