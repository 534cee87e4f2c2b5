/** The command line of the quota bench, and the sizes that `--smoke` stands for. */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

export interface QuotaBenchOptions {
  readonly isSmoke: boolean;
  readonly warmUpMs: number;
  readonly windowMs: number;
  readonly sessions: readonly ('transient' | 'persistent')[];
  /** Messages per second of the calm tenant, of all its publishers together. */
  readonly calmRate: number;
  /** Publishers of each tenant, and as many subscribers. */
  readonly pairs: number;
  /** `quotas.tenant.publishRateMax` where the flood is limited. */
  readonly publishRateMax: number;
  readonly dataRoot: string;
  readonly resultsDirectory: string;
}

export const USAGE = `npm run bench:quotas -- [options]
  --seconds N         length of a measuring window (10)
  --sessions a,b      transient, persistent: kinds of sessions (both)
  --rate N            messages per second of the calm tenant (400)
  --quota N           PUBLISH packets per second that each tenant may send where there is a quota (1000)
  --pairs N           publishers of each tenant, and as many subscribers (20)
  --smoke             only proves that the harness works; its figures mean nothing
  --data-root DIR     where the brokers' data directories are made (the system's temporary directory)
  --results DIR       where the JSON file goes (bench/results)
  --help              this text`;

export function parseOptions(args: readonly string[], resultsDirectory: string): QuotaBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string' },
      sessions: { type: 'string', default: 'transient,persistent' },
      rate: { type: 'string' },
      quota: { type: 'string' },
      pairs: { type: 'string' },
      smoke: { type: 'boolean', default: false },
      'data-root': { type: 'string', default: tmpdir() },
      results: { type: 'string' },
    },
  });
  const { smoke } = values;
  return {
    isSmoke: smoke,
    warmUpMs: smoke ? 200 : 2_000,
    windowMs: aboveZero('--seconds', values.seconds, smoke ? 0.5 : 10) * 1_000,
    sessions: values.sessions.split(',').map(kindOf),
    calmRate: aboveZero('--rate', values.rate, smoke ? 100 : 400),
    pairs: aboveZero('--pairs', values.pairs, smoke ? 2 : 20),
    publishRateMax: aboveZero('--quota', values.quota, smoke ? 200 : 1_000),
    dataRoot: values['data-root'],
    resultsDirectory: values.results ?? (smoke ? tmpdir() : resultsDirectory),
  };
}

function aboveZero(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new Error(`${name} is ${JSON.stringify(text)}; it takes a number above 0`);
  return value;
}

function kindOf(text: string): 'transient' | 'persistent' {
  if (text === 'transient' || text === 'persistent') return text;
  throw new Error(`--sessions knows transient and persistent, not ${JSON.stringify(text)}`);
}
