/** The command line of the HBase bench, and the sizes that `--smoke` stands for. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT_DIRECTORY } from '../../engines/places.ts';
import { numberAboveZero } from '../option-values.ts';

export interface HBaseBenchOptions {
  readonly scenarios: readonly string[] | undefined;
  readonly isSmoke: boolean;
  readonly warmUpMs: number;
  readonly windowMs: number;
  readonly queueCounts: readonly number[];
  readonly messagesPerCall: readonly number[];
  /** Messages a second that publishers offer; Infinity: as many as are taken. */
  readonly offeredRates: readonly number[];
  /** Messages that pass a queue before its head is read. */
  readonly passedMessages: number;
  /** How long messages that live a second are published, for each in-memory compaction. */
  readonly lifeMs: number;
  /** Messages a second in that scenario. */
  readonly lifeRate: number;
  readonly heapMb: number;
  readonly resultsDirectory: string;
  /** Folder for V8 CPU profiles of the Node processes; undefined: none are taken. */
  readonly profileDirectory: string | undefined;
}

export const USAGE = `npm run bench:hbase -- [options]
  --scenarios a,b   appends, publishers, heads, trims, wal-sync, in-memory-compaction (all)
  --seconds N       length of a measuring window (5)
  --queues a,b      numbers of queues (1,100,1000,10000)
  --rates a,b       messages a second offered in \`publishers\` (5000,10000,20000,30000,40000,max)
  --passed N        messages that pass a queue in \`heads\` (1000000)
  --life-seconds N  length of each run of \`in-memory-compaction\` (90)
  --life-rate N     messages a second there (8000)
  --heap-mb N       heap of HBase, mebibytes (4096)
  --smoke           only proves that the harness works; its figures mean nothing
  --profile DIR     take V8 CPU profiles of the Node processes into DIR
  --results DIR     where the JSON and SVG files go (bench/results)
  --help            this text`;

const FULL = { seconds: '5', queues: '1,100,1000,10000', rates: '5000,10000,20000,30000,40000,max' };
const SMOKE = { seconds: '1', queues: '10', rates: '200' };

export function parseOptions(args: readonly string[]): HBaseBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenarios: { type: 'string' },
      seconds: { type: 'string' },
      queues: { type: 'string' },
      rates: { type: 'string' },
      passed: { type: 'string' },
      'life-seconds': { type: 'string' },
      'life-rate': { type: 'string' },
      'heap-mb': { type: 'string' },
      smoke: { type: 'boolean', default: false },
      profile: { type: 'string' },
      results: { type: 'string' },
    },
  });
  const { smoke } = values;
  const base = smoke ? SMOKE : FULL;
  const windowMs = 1000 * numberAboveZero('--seconds', values.seconds ?? base.seconds);
  return {
    scenarios: values.scenarios?.split(','),
    isSmoke: smoke,
    warmUpMs: smoke ? 0 : Math.max(3000, windowMs / 2),
    windowMs,
    queueCounts: list('--queues', values.queues ?? base.queues),
    messagesPerCall: smoke ? [10] : [1, 10, 100],
    offeredRates: list('--rates', values.rates ?? base.rates),
    passedMessages: numberAboveZero('--passed', values.passed ?? (smoke ? '1000' : '1000000')),
    lifeMs: 1000 * numberAboveZero('--life-seconds', values['life-seconds'] ?? (smoke ? '2' : '90')),
    lifeRate: numberAboveZero('--life-rate', values['life-rate'] ?? (smoke ? '200' : '8000')),
    heapMb: numberAboveZero('--heap-mb', values['heap-mb'] ?? (smoke ? '1536' : '4096')),
    resultsDirectory:
      values.results ??
      (smoke ? join(tmpdir(), 'spoke-bench-smoke') : join(PROJECT_DIRECTORY, 'bench/results')),
    profileDirectory: values.profile,
  };
}

function list(name: string, text: string): number[] {
  return text.split(',').map((part) => (part === 'max' ? Infinity : numberAboveZero(name, part)));
}
