/**
 * Does what `spoke fleet` was asked for: reads the trips, finds or starts the broker, runs the replay and prints
 * its report. The only part of the fleet that touches files.
 */
import { randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { accepts, BrokerChildError } from './broker-child.ts';
import { planFleet, type FleetPlan } from './fleet-plan.ts';
import { failures, formatReport, type FleetReport } from './fleet-report.ts';
import { FleetRun, FleetRunError } from './fleet-run.ts';
import { ProgressLine, type ProgressOutput } from './progress-line.ts';
import type { BrokerAddress } from './radio-link.ts';
import { SeededRandom } from './seeded-random.ts';
import { packageFile, spawnedBroker, type SpawnedBroker } from './spawned-broker.ts';
import { formatBadRow, parseTripFile, TripFileError, type BadRow, type Trip } from './trip-file.ts';

export interface FleetCommandOptions {
  readonly trips?: readonly string[];
  readonly bikes: number;
  /** Milliseconds. */
  readonly duration?: number;
  readonly speed?: number;
  readonly chaos?: boolean;
  readonly kills?: number;
  readonly spawn?: boolean;
  readonly seed?: number;
  readonly broker: string;
  /** Milliseconds. */
  readonly settle: number;
  readonly json?: boolean;
  readonly report?: string;
}

/** What the replay needs of the process it runs in. */
export interface FleetSurroundings {
  readonly stdout: ProgressOutput;
  readonly stderr: ProgressOutput;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  onStopSignal(callback: (signal: string) => void): () => void;
  exit(code: number): void;
}

/** The command cannot be carried out as it was given; the message says what to change. */
export class FleetUsageError extends Error {
  override readonly name = 'FleetUsageError';
}

const SHIPPED_TRIPS = 'examples/trips/lakeside.csv';
const DEFAULT_DURATION_MS = 60_000;
const MS_PER_KILL = 6_000;
const KILLS_MIN = 3;
const BAD_ROWS_SHOWN = 5;
const BIKES_MAX = 10_000;

/** Resolves with whether every promise was kept. @throws FleetUsageError */
export async function replayFleet(options: FleetCommandOptions, around: FleetSurroundings): Promise<boolean> {
  const plan = await readPlan(options, around);
  const random = new SeededRandom(options.seed ?? randomInt(2 ** 31));
  const spawned = options.chaos === true || options.spawn === true ? await spawn(around) : undefined;
  try {
    const report = await run(options, around, plan, random, spawned);
    await spawned?.child.stop();
    const passed = failures(report).length === 0;
    await publish(report, options, around);
    if (passed) await spawned?.remove();
    else if (spawned !== undefined)
      around.stderr.write(`The broker's data and log are kept in ${spawned.directory}\n`);
    return passed;
  } catch (cause) {
    if (cause instanceof BrokerChildError || cause instanceof FleetRunError) {
      throw new FleetUsageError(cause.message, { cause });
    }
    throw cause;
  } finally {
    await spawned?.child.kill();
  }
}

async function run(
  options: FleetCommandOptions,
  around: FleetSurroundings,
  plan: FleetPlan,
  random: SeededRandom,
  spawned: SpawnedBroker | undefined,
): Promise<FleetReport> {
  const target = spawned === undefined ? await reachable(options.broker) : ownBroker(spawned);
  await spawned?.child.start();
  const line = new ProgressLine(around.stderr);
  const stop = new AbortController();
  const ignoreSignals = around.onStopSignal(() => {
    if (stop.signal.aborted) around.exit(1);
    stop.abort();
  });
  const kills = options.kills ?? Math.max(KILLS_MIN, Math.round(plan.durationMs / MS_PER_KILL));
  const fleet = new FleetRun({
    ...target,
    plan,
    random,
    bikes: options.bikes,
    run: `fleet-${randomInt(2 ** 31).toString(36)}`,
    broker: spawned?.child,
    kills: options.chaos === true ? kills : 0,
    outages: true,
    settleMs: options.settle,
    signal: stop.signal,
    onProgress: (progress) => {
      line.show(progress);
    },
  });
  try {
    return await fleet.run();
  } finally {
    ignoreSignals();
    line.clear();
  }
}

async function readPlan(options: FleetCommandOptions, around: FleetSurroundings): Promise<FleetPlan> {
  if (options.bikes < 1 || options.bikes > BIKES_MAX) {
    throw new FleetUsageError(`--bikes ${options.bikes}: use 1 to ${BIKES_MAX}`);
  }
  const files = options.trips?.map((file) => resolve(around.workingDirectory, file)) ?? [shippedTrips()];
  const trips: Trip[] = [];
  const badRows: BadRow[] = [];
  for (const file of files) {
    const parsed = await readTrips(file);
    trips.push(...parsed.trips);
    badRows.push(...parsed.badRows);
  }
  complain(badRows, trips.length, around.stderr);
  const pace =
    options.speed === undefined
      ? { durationMs: options.duration ?? DEFAULT_DURATION_MS }
      : { speed: options.speed };
  const plan = planFleet(trips, options.bikes, pace);
  if (plan.tripsWithoutBike > 0) {
    around.stderr.write(
      `${plan.tripsWithoutBike} trips begin while all bikes are out and are left out: use more --bikes to have them\n`,
    );
  }
  return plan;
}

function shippedTrips(): string {
  const file = packageFile(SHIPPED_TRIPS);
  if (file === undefined)
    throw new FleetUsageError(`${SHIPPED_TRIPS} is missing: install again, or give --trips`);
  return file;
}

async function readTrips(file: string): Promise<ReturnType<typeof parseTripFile>> {
  try {
    return parseTripFile(file, await readFile(file, 'utf8'));
  } catch (cause) {
    if (cause instanceof TripFileError) throw new FleetUsageError(cause.message, { cause });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FleetUsageError(`${basename(file)} cannot be read: ${reason}`, { cause });
  }
}

function complain(badRows: readonly BadRow[], usable: number, stderr: ProgressOutput): void {
  for (const row of badRows.slice(0, BAD_ROWS_SHOWN)) stderr.write(`${formatBadRow(row)}\n`);
  const more = badRows.length - BAD_ROWS_SHOWN;
  if (more > 0) stderr.write(`… and ${more} more\n`);
  if (badRows.length > 0) {
    stderr.write(`${badRows.length} of ${badRows.length + usable} rows were skipped\n`);
  }
}

interface BrokerTarget {
  readonly address: BrokerAddress;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

async function spawn(around: FleetSurroundings): Promise<SpawnedBroker> {
  try {
    // Ports are not part of what a seed repeats: two runs with one seed may be under way at once.
    return await spawnedBroker({ environment: around.environment, random: Math.random });
  } catch (cause) {
    if (cause instanceof BrokerChildError) throw new FleetUsageError(cause.message, { cause });
    throw cause;
  }
}

function ownBroker({ host, port }: SpawnedBroker): BrokerTarget {
  return { address: { host, port, tls: false }, username: undefined, password: undefined };
}

const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 };

async function reachable(broker: string): Promise<BrokerTarget> {
  const url = URL.canParse(broker) ? new URL(broker) : undefined;
  const defaultPort = PORTS[url?.protocol ?? ''];
  if (url === undefined || defaultPort === undefined) {
    throw new FleetUsageError(`--broker ${broker}: write mqtt://host[:port] or mqtts://host[:port]`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? defaultPort : Number(url.port);
  if (!(await accepts(host, port))) {
    throw new FleetUsageError(
      `nothing listens on ${host}:${port}: start a broker ("npm start"), name another one with --broker, ` +
        'or let this command start its own with --spawn or --chaos',
    );
  }
  const credential = (text: string) => (text === '' ? undefined : decodeURIComponent(text));
  return {
    address: { host, port, tls: url.protocol === 'mqtts:' },
    username: credential(url.username),
    password: credential(url.password),
  };
}

async function publish(
  report: FleetReport,
  options: FleetCommandOptions,
  around: FleetSurroundings,
): Promise<void> {
  const json = `${JSON.stringify({ passed: failures(report).length === 0, failures: failures(report), ...report }, null, 2)}\n`;
  if (options.report !== undefined) await writeFile(resolve(around.workingDirectory, options.report), json);
  around.stdout.write(options.json === true ? json : formatReport(report));
}
