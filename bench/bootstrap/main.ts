/**
 * How long a broker takes to be ready with many persistent sessions, and what they cost in memory:
 * from snapshot and tail, and by replaying the whole log. Prints a Markdown table.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { SpokeConfig } from '../../src/app/config-schema.ts';
import { describeMachine } from '../machine/description.ts';
import { clusterHomes, embeddedHomes, type Home, type Homes, type Source } from './homes.ts';
import type { MeasuredStart } from './measured-start.ts';

const START = fileURLToPath(new URL('measured-start.js', import.meta.url));
const BYTES_PER_MIB = 2 ** 20;

const USAGE = `node dist/bench/bootstrap/main.js [options]
  --sessions a,b      sizes, each with five subscriptions a session (10000,100000,1000000)
  --stores NAME       embedded: in a data directory; cluster: in a real Kafka and HBase on this machine (embedded)
  --data-root DIR     where the data directories are made (the system's temporary directory)
  --from a,b          snapshot, log: what the state is restored from (both)
  --help              this text`;

const HEADER = [
  'sessions',
  'from',
  'ready s',
  'snapshot s',
  'tail s',
  'rows and records',
  'CPU s',
  'longest stall ms',
  'stall p99 ms',
  'bytes a session, resident',
  'heap',
  'buffers',
  'peak MiB',
];

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sessions: { type: 'string', default: '10000,100000,1000000' },
      stores: { type: 'string', default: 'embedded' },
      'data-root': { type: 'string', default: tmpdir() },
      from: { type: 'string', default: 'snapshot,log' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const root = values['data-root'];
  console.log(`${describeMachine(root)}\n`);
  const homes = await homesIn(values.stores, root);
  try {
    console.log(tableRow(HEADER));
    console.log(tableRow(HEADER.map((_, index) => (index === 1 ? '---' : '---:'))));
    const empty = await inHome(homes, 0, async (home) => start(await home.configFor('snapshot')));
    console.log(tableRow(cells(0, '-', empty, empty)));
    for (const sessions of values.sessions.split(',').map(Number)) {
      await inHome(homes, sessions, async (home) => {
        for (const from of values.from.split(',') as Source[]) {
          const measured = await start(await home.configFor(from));
          console.log(tableRow(cells(sessions, from, measured, empty)));
        }
      });
    }
  } finally {
    await homes.close();
  }
}

async function homesIn(stores: string, root: string): Promise<Homes> {
  if (stores === 'embedded') return embeddedHomes(root);
  if (stores === 'cluster') return await clusterHomes(root, progress);
  throw new Error(`--stores ${stores}: use embedded or cluster`);
}

async function inHome<T>(homes: Homes, sessions: number, use: (home: Home) => Promise<T>): Promise<T> {
  progress(`preparing ${sessions} sessions`);
  const home = await homes.prepare(sessions);
  try {
    return await use(home);
  } finally {
    await home.dispose();
  }
}

function progress(line: string): void {
  process.stderr.write(`  ${line}\n`);
}

async function start(config: SpokeConfig): Promise<MeasuredStart> {
  const child = fork(START, [JSON.stringify(config)], { execArgv: ['--expose-gc'] });
  const [measured] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the measured broker ended with ${String(code)} before it was ready`);
    }),
  ])) as [MeasuredStart];
  await once(child, 'exit');
  return measured;
}

/** Memory is what was added to the broker without sessions. */
function cells(sessions: number, from: string, measured: MeasuredStart, empty: MeasuredStart): string[] {
  const seconds = (ms: number): string => (ms / 1000).toFixed(2);
  const each = (bytes: number): string => (sessions === 0 ? '-' : (bytes / sessions).toFixed(0));
  return [
    String(sessions),
    from,
    seconds(measured.readyMs),
    seconds(measured.snapshotMs),
    seconds(measured.tailMs),
    String(measured.folded),
    seconds(measured.cpuMs),
    measured.stallMs.toFixed(0),
    measured.stallP99Ms.toFixed(1),
    each(measured.residentBytes - empty.residentBytes),
    each(measured.heapBytes - empty.heapBytes),
    each(measured.bufferBytes - empty.bufferBytes),
    (measured.residentPeakBytes / BYTES_PER_MIB).toFixed(0),
  ];
}

function tableRow(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`;
}

await main(process.argv.slice(2));
