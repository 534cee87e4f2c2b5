/** The command line of the cluster bench, and the sizes that `--quick` stands for. */
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { PROJECT_DIRECTORY } from '../../engines/places.ts';
import { type BenchOptions, parseOptions as parseTrafficOptions } from '../options.ts';

export interface ClusterBenchOptions {
  readonly scenarios: readonly string[] | undefined;
  /** Of scenarios that offer traffic. */
  readonly traffic: BenchOptions;
  /** Clients of `storm`. */
  readonly clients: number;
  /** Sessions of `memory`. */
  readonly sessions: number;
  readonly heapMb: number;
}

export const USAGE = `npm run bench:cluster -- [options]
  --scenarios a,b     throughput, notices, storm, memory (all)
  --seconds N         length of a measuring window (4)
  --quick             shorter windows, a coarser search, smaller counts
  --pairs N           publishers, and as many subscribers, of \`throughput\` and \`notices\` (48; 12 with --quick)
  --session-kinds a,b transient, persistent: kinds of sessions measured in \`throughput\`
  --rate N            measure at this rate instead of searching for the usable one
  --clients N         clients of \`storm\` (10000; 500 with --quick)
  --sessions N        sessions of \`memory\` (10000; 1000 with --quick)
  --heap-mb N         heap of HBase, mebibytes (4096; 2048 with --quick)
  --results DIR       where the JSON and SVG files go (bench/results)
  --help              this text`;

/** Divisible by the numbers of brokers, so that each has the same share. */
const FULL = { pairs: '48', clients: '10000', sessions: '10000', heapMb: '4096' };
const QUICK = { pairs: '12', clients: '500', sessions: '1000', heapMb: '2048' };

export function parseOptions(args: readonly string[]): ClusterBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenarios: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      pairs: { type: 'string' },
      'session-kinds': { type: 'string' },
      rate: { type: 'string' },
      clients: { type: 'string' },
      sessions: { type: 'string' },
      'heap-mb': { type: 'string' },
      results: { type: 'string' },
    },
  });
  const base = values.quick ? QUICK : FULL;
  const passedOn = {
    seconds: values.seconds,
    pairs: values.pairs ?? base.pairs,
    sessions: values['session-kinds'],
    rate: values.rate,
    qos: '1',
  };
  const traffic = [
    ...(values.quick ? ['--quick'] : []),
    ...Object.entries(passedOn).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
  ];
  return {
    scenarios: values.scenarios?.split(','),
    traffic: parseTrafficOptions(traffic, values.results ?? join(PROJECT_DIRECTORY, 'bench/results')),
    clients: whole('--clients', values.clients ?? base.clients),
    sessions: whole('--sessions', values.sessions ?? base.sessions),
    heapMb: whole('--heap-mb', values['heap-mb'] ?? base.heapMb),
  };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${name} is ${JSON.stringify(text)}; it takes a whole number above 0`);
}
