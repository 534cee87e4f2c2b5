/** The command line of a proof: options, what is printed, exit codes. */
import { randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { EngineError } from '../engines/engine.ts';
import { PROJECT_DIRECTORY } from '../engines/places.ts';
import { SeededRandom } from '../src/fleet/seeded-random.ts';
import { FAULT_KINDS, faultsInOrder, plannedFaults, type FaultKind } from './faults/planned-fault.ts';
import { Proof, ProofError, type Pace } from './proof.ts';
import { LoopbackCluster } from './proven-cluster.ts';
import { clockText, plainTable } from './report/fault-table.ts';
import { EVIDENCE_FILE, writeReport } from './report/report-files.ts';
import { brokenPromises, verdict } from './report/verdict.ts';

export interface ProveContext {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly workingDirectory: string;
  /** Calls back when the run is to end early. */
  onStopSignal(callback: () => void): () => void;
}

interface ProveOptions {
  readonly minutes: number;
  readonly seed?: number;
  readonly faults?: readonly FaultKind[];
  readonly brokers: number;
  readonly regionServers: number;
  readonly kafka: number;
  readonly bikes: number;
  readonly rate: number;
  readonly report?: string;
  readonly keep?: boolean;
}

const PACE: Pace = {
  assembleMs: 60_000,
  calmMs: 5_000,
  recoveryMs: 120_000,
  retainedMs: 20_000,
  quietMs: 2_000,
};
const EXIT = { kept: 0, broken: 1, usage: 2 } as const;
const SEED_MAX = 1_000_000;
/** Of what is published: the rest is commands and retained states. */
const TELEMETRY_PART = 0.7;
const COMMAND_PART = 0.22;

/** Runs one proof, for one command line without `node` and script, and resolves to the exit code. */
export async function runProof(args: readonly string[], context: ProveContext): Promise<number> {
  try {
    return await prove(parse(args, context), context);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.kept : EXIT.usage;
    const isExpected = error instanceof EngineError || error instanceof ProofError;
    const text = error instanceof Error && !isExpected ? (error.stack ?? error.message) : String(error);
    context.stderr.write(`${text}\n`);
    return EXIT.broken;
  }
}

function parse(args: readonly string[], context: ProveContext): ProveOptions {
  return new Command('spoke prove')
    .description(
      'start a whole cluster on this machine, break it again and again under the traffic of a fleet, and account for every message',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    })
    .option('--minutes <number>', 'no fault begins later', positive, 5)
    .option('--seed <number>', 'repeat the faults of an earlier run', count)
    .option('--faults <kinds>', `only these, once each and in this order: ${FAULT_KINDS.join(',')}`, kinds)
    .option('--brokers <number>', 'brokers of ours', count, 3)
    .option('--region-servers <number>', 'region servers of HBase', count, 2)
    .option('--kafka <number>', 'brokers of Kafka', count, 1)
    .option('--bikes <number>', 'size of the fleet', count, 40)
    .option('--rate <number>', 'messages published per second', positive, 130)
    .option('--report <directory>', 'where the report goes (default: .engines/proofs/SEED)')
    .option('--keep', "keep the cluster's data and logs even when all went well")
    .allowExcessArguments(false)
    .parse([...args], { from: 'user' })
    .opts();
}

async function prove(options: ProveOptions, context: ProveContext): Promise<number> {
  const seed = options.seed ?? randomInt(SEED_MAX);
  const random = new SeededRandom(seed);
  const directory =
    options.report === undefined
      ? join(PROJECT_DIRECTORY, '.engines', 'proofs', `${seed}`)
      : resolve(context.workingDirectory, options.report);
  const say = (line: string): void => void context.stdout.write(`${line}\n`);
  say(`seed ${seed}`);
  const clusterDirectory = join(directory, 'cluster');
  await rm(clusterDirectory, { recursive: true, force: true });
  const cluster = await LoopbackCluster.start({
    directory: clusterDirectory,
    brokers: options.brokers,
    regionServers: options.regionServers,
    kafkaBrokers: options.kafka,
    progress: (text) => void context.stderr.write(`${text}\n`),
  });
  const stop = new AbortController();
  const ignoreSignals = context.onStopSignal(() => {
    stop.abort();
  });
  try {
    const planning = random.fork('faults');
    const proof = new Proof({
      cluster,
      random,
      bikes: options.bikes,
      rates: {
        telemetryPerS: options.rate * TELEMETRY_PART,
        commandsPerS: options.rate * COMMAND_PART,
        statesPerS: options.rate * (1 - TELEMETRY_PART - COMMAND_PART),
      },
      faults:
        options.faults === undefined
          ? plannedFaults(cluster.shape, planning)
          : faultsInOrder(cluster.shape, planning, options.faults),
      lastFaultMs: options.minutes * 60_000,
      signal: stop.signal,
      pace: PACE,
      say,
    });
    const result = await proof.run();
    await writeReport(directory, result, commandOf(options, seed));
    say(`\n${plainTable(result.faults)}\n`);
    say(`${result.clients} clients, ${clockText(result.durationMs)} minutes, seed ${seed}`);
    const complaints = Object.entries(result.complaints).map(([what, times]) => `${what} (${times})`);
    if (complaints.length > 0) say(`complaints of clients: ${complaints.join(', ')}`);
    say(verdict(result));
    const isKept = brokenPromises(result).length === 0;
    const place = relative(context.workingDirectory, directory) || '.';
    say(isKept ? `Report: ${place}` : `Report: ${place}, evidence: ${join(place, EVIDENCE_FILE)}`);
    await cluster.stop();
    if (isKept && options.keep !== true) await rm(clusterDirectory, { recursive: true, force: true });
    return isKept ? EXIT.kept : EXIT.broken;
  } finally {
    ignoreSignals();
    await cluster.stop();
  }
}

/** What repeats the run. */
function commandOf({ minutes, faults, bikes, rate }: ProveOptions, seed: number): string {
  const which = faults === undefined ? `--minutes ${minutes}` : `--faults ${faults.join(',')}`;
  return `npm run prove -- ${which} --bikes ${bikes} --rate ${rate} --seed ${seed}`;
}

function kinds(text: string): readonly FaultKind[] {
  return text.split(',').map((word) => {
    const kind = FAULT_KINDS.find((each) => each === word.trim());
    if (kind === undefined)
      throw new InvalidArgumentError(`There is no fault ${word}. Use some of ${FAULT_KINDS.join(',')}.`);
    return kind;
  });
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('Use a whole number.');
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Use a number above 0.');
}
