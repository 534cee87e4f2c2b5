/** The command line of the quota bench, and the sizes that `--smoke` stands for. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { choicesOf, numberAboveZero, SESSION_KINDS, type SessionKind } from '../option-values.ts';

export interface QuotaBenchOptions {
  readonly isSmoke: boolean;
  readonly warmUpMs: number;
  readonly windowMs: number;
  readonly sessions: readonly SessionKind[];
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

const FULL = { seconds: '10', sessions: 'transient,persistent', rate: '400', pairs: '20', quota: '1000' };
/** One kind of sessions uses all of the harness. */
const SMOKE = { seconds: '0.5', sessions: 'persistent', rate: '100', pairs: '2', quota: '200' };

export function parseOptions(args: readonly string[], resultsDirectory: string): QuotaBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string' },
      sessions: { type: 'string' },
      rate: { type: 'string' },
      quota: { type: 'string' },
      pairs: { type: 'string' },
      smoke: { type: 'boolean', default: false },
      'data-root': { type: 'string', default: tmpdir() },
      results: { type: 'string' },
    },
  });
  const { smoke } = values;
  const base = smoke ? SMOKE : FULL;
  return {
    isSmoke: smoke,
    warmUpMs: smoke ? 200 : 2_000,
    windowMs: numberAboveZero('--seconds', values.seconds ?? base.seconds) * 1_000,
    sessions: choicesOf('--sessions', values.sessions ?? base.sessions, SESSION_KINDS),
    calmRate: numberAboveZero('--rate', values.rate ?? base.rate),
    pairs: numberAboveZero('--pairs', values.pairs ?? base.pairs),
    publishRateMax: numberAboveZero('--quota', values.quota ?? base.quota),
    dataRoot: values['data-root'],
    resultsDirectory: values.results ?? (smoke ? join(tmpdir(), 'spoke-bench-smoke') : resultsDirectory),
  };
}
