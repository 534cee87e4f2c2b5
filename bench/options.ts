/**
 * The command line of the bench, and the sizes that `--quick` and `--smoke` stand for.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Qos } from './driver/wire.ts';
import { choicesOf, numberAboveZero, SESSION_KINDS, type SessionKind } from './option-values.ts';

export interface Scale {
  /** Time before a window opens, in which nothing is counted. */
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** The search for the usable rate stops when the bounds are this close. */
  readonly searchRatio: number;
  readonly connections: number;
  readonly subscriptionCounts: readonly number[];
  readonly offlineMessagesMax: number;
}

export interface BenchOptions {
  readonly scenarios: readonly string[] | undefined;
  readonly brokers: readonly string[] | undefined;
  readonly scale: Scale;
  readonly isSmoke: boolean;
  /** Publishers, and as many subscribers. */
  readonly pairs: number;
  readonly qosLevels: readonly Qos[];
  readonly sessions: readonly SessionKind[];
  /** Offered rate in messages per second; undefined: search for the usable one. */
  readonly rate: number | undefined;
  readonly drivers: number;
  /** Parent of the brokers' data directories: decides which disk is measured. */
  readonly dataRoot: string;
  readonly resultsDirectory: string;
}

export const PAYLOAD_BYTES = 1024;

export const USAGE = `npm run bench -- [options]
  --scenarios a,b     pairs, offline, fan-out, fan-in, connects, subscriptions (all)
  --brokers a,b       spokemq, spokemq-os, mosquitto, aedes, aedes-level (all)
  --seconds N         length of a measuring window (4)
  --quick             shorter windows, a coarser search, smaller counts
  --smoke             only proves that the harness works; its figures mean nothing
  --pairs N           connections of each kind in \`pairs\` (50)
  --qos 0,1,2         levels measured in \`pairs\`
  --sessions a,b      transient, persistent: kinds of sessions measured in \`pairs\`
  --rate N            measure at this rate instead of searching for the usable one
  --drivers N         driver processes (1)
  --data-root DIR     where the brokers' data directories are made (the system's temporary directory)
  --results DIR       where the JSON and SVG files go (bench/results)
  --help              this text`;

const FULL: Scale = {
  warmUpMs: 1000,
  windowMs: 4000,
  searchRatio: 1.08,
  connections: 5000,
  subscriptionCounts: [1000, 10_000, 100_000, 1_000_000],
  offlineMessagesMax: 400_000,
};
const QUICK: Scale = {
  warmUpMs: 500,
  windowMs: 2000,
  searchRatio: 1.2,
  connections: 2000,
  subscriptionCounts: [1000, 10_000, 100_000],
  offlineMessagesMax: 150_000,
};
const SMOKE: Scale = {
  warmUpMs: 100,
  windowMs: 300,
  searchRatio: 2,
  connections: 50,
  subscriptionCounts: [100],
  offlineMessagesMax: 400,
};
const SMOKE_PAIRS = 4;
const SMOKE_RATE = 200;

export function parseOptions(args: readonly string[], resultsDirectory: string): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenarios: { type: 'string' },
      brokers: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      pairs: { type: 'string' },
      qos: { type: 'string', default: '0,1,2' },
      sessions: { type: 'string', default: 'transient,persistent' },
      rate: { type: 'string' },
      drivers: { type: 'string', default: '1' },
      'data-root': { type: 'string', default: tmpdir() },
      results: { type: 'string' },
    },
  });
  const base = values.smoke ? SMOKE : values.quick ? QUICK : FULL;
  const seconds = optionalNumber('--seconds', values.seconds);
  return {
    scenarios: values.scenarios?.split(','),
    brokers: values.brokers?.split(',') ?? (values.smoke ? ['spokemq'] : undefined),
    scale: seconds === undefined ? base : { ...base, windowMs: seconds * 1000 },
    isSmoke: values.smoke,
    pairs: optionalNumber('--pairs', values.pairs) ?? (values.smoke ? SMOKE_PAIRS : 50),
    qosLevels: choicesOf('--qos', values.qos, ['0', '1', '2']).map(toQos),
    sessions: choicesOf('--sessions', values.sessions, SESSION_KINDS),
    rate: optionalNumber('--rate', values.rate) ?? (values.smoke ? SMOKE_RATE : undefined),
    drivers: optionalNumber('--drivers', values.drivers) ?? 1,
    dataRoot: values['data-root'],
    resultsDirectory:
      values.results ?? (values.smoke ? join(tmpdir(), 'spoke-bench-smoke') : resultsDirectory),
  };
}

function toQos(text: '0' | '1' | '2'): Qos {
  return text === '0' ? 0 : text === '1' ? 1 : 2;
}

function optionalNumber(name: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : numberAboveZero(name, text);
}
