/**
 * The ports of a cluster: chosen at its first start, written down beside its data, and the same ever after, because the
 * configuration of its brokers names them. Nobody else gets one before the process that it is for.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../engine.ts';
import { freePorts, isFree } from '../free-ports.ts';
import { HeldPorts } from '../held-ports.ts';

/** free: any that nobody uses. usual: those that people expect, 1883 and so on. A number: all in one row from there. */
export type PortChoice = 'free' | 'usual' | number;

/** How many processes of which kind there are, and so need ports. */
export interface ClusterSize {
  readonly brokers: number;
  readonly metadata: number;
  readonly haproxy: boolean;
  /** Redis and MySQL. */
  readonly caches: boolean;
  /** Kafka and HBase are the cluster's own. */
  readonly ownEngines: boolean;
  readonly kafkaBrokers: number;
}

interface PortWish {
  /** Such as `broker-1.admin`. */
  readonly name: string;
  readonly usual: number;
  /** So many in a row are needed; default 1. */
  readonly count?: number;
}

interface WrittenPorts {
  readonly choice: PortChoice;
  readonly ports: Readonly<Record<string, number>>;
}

const FILE = 'ports.json';

/** Broker n has the n-th port behind these. Engines keep clear of what may run here already, as services or for `npm start`. */
const BROKER_PORTS = { mqtt: 1883, proxiedMqtt: 11_883, proxiedWs: 18_083, admin: 9883, peer: 7883 };
const METADATA_ADMIN_PORT = 9900;
const KAFKA_PORT = 19_092;
const ZOOKEEPER_PORT = 12_181;
const HAPROXY_PORTS = { mqtt: 1883, ws: 8083, health: 9880, metrics: 9881 };
const CACHE_PORTS = { redis: 16_379, mysql: 13_306 };

export class ClusterPorts {
  readonly #ports: Readonly<Record<string, number>>;
  readonly #wishes: readonly PortWish[];
  readonly #held: HeldPorts;

  private constructor(ports: Readonly<Record<string, number>>, wishes: readonly PortWish[], held: HeldPorts) {
    this.#ports = ports;
    this.#wishes = wishes;
    this.#held = held;
  }

  /** `choice` undefined: as at the first start, and then the usual ones. */
  static async of(directory: string, size: ClusterSize, choice?: PortChoice): Promise<ClusterPorts> {
    const file = join(directory, FILE);
    const written = await readWritten(file);
    if (written !== undefined && choice !== undefined && choice !== written.choice)
      throw new EngineError(
        `The cluster in ${directory} has its ports already, see ${file}. Name another directory, or remove this one.`,
      );
    const chosen = choice ?? written?.choice ?? 'usual';
    const wishes = wishesOf(size);
    const missing = wishes.filter(({ name }) => written?.ports[name] === undefined);
    const ports = { ...written?.ports, ...(await assign(missing, chosen, written?.ports ?? {})) };
    const held = await holdAll(wishes, ports, written === undefined);
    await writeFile(file, `${JSON.stringify({ choice: chosen, ports } satisfies WrittenPorts, null, 2)}\n`);
    return new ClusterPorts(ports, wishes, held);
  }

  /** Throws for one that nobody has wished for. */
  port(name: string): number {
    const port = this.#ports[name];
    if (port === undefined) throw new Error(`No port was chosen for ${name}`);
    return port;
  }

  /** To the process that starts now: ports of that name, or of names that begin with it and a dot. */
  async give(name: string): Promise<void> {
    for (const wish of this.#wishes) {
      if (wish.name === name || wish.name.startsWith(`${name}.`))
        await this.#held.give(rowFrom(this.port(wish.name), wish.count ?? 1));
    }
  }

  async giveAll(): Promise<void> {
    await this.#held.giveAll();
  }
}

function wishesOf(size: ClusterSize): readonly PortWish[] {
  const { brokers, metadata, haproxy, caches, ownEngines, kafkaBrokers } = size;
  return [
    ...(haproxy ? wishesFor('haproxy.', HAPROXY_PORTS, 0) : []),
    ...numbers(brokers).flatMap((n) => wishesFor(`broker-${n}.`, BROKER_PORTS, n)),
    ...numbers(metadata).flatMap((n) => wishesFor(`metadata-${n}.`, { admin: METADATA_ADMIN_PORT }, n)),
    ...(caches ? wishesFor('', CACHE_PORTS, 0) : []),
    ...(ownEngines ? wishesFor('', { zookeeper: ZOOKEEPER_PORT }, 0) : []),
    ...(ownEngines ? [{ name: 'kafka', usual: KAFKA_PORT, count: kafkaBrokers }] : []),
  ];
}

function wishesFor(prefix: string, ports: Readonly<Record<string, number>>, behind: number): PortWish[] {
  return Object.entries(ports).map(([use, port]) => ({ name: `${prefix}${use}`, usual: port + behind }));
}

/** 1 to `count`. */
export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

async function assign(
  wishes: readonly PortWish[],
  choice: PortChoice,
  before: Readonly<Record<string, number>>,
): Promise<Readonly<Record<string, number>>> {
  const taken = new Set(Object.values(before));
  const ports: Record<string, number> = {};
  let next = typeof choice === 'number' ? Math.max(choice, ...[...taken].map((port) => port + 1)) : 0;
  for (const { name, usual, count = 1 } of wishes) {
    const first = choice === 'free' ? await freeRow(count, taken) : choice === 'usual' ? usual : next;
    next = first + count;
    ports[name] = first;
    for (const port of rowFrom(first, count)) taken.add(port);
  }
  return ports;
}

/** Throws an `EngineError` that names every port that somebody else has; then none is held. */
async function holdAll(
  wishes: readonly PortWish[],
  ports: Readonly<Record<string, number>>,
  first: boolean,
): Promise<HeldPorts> {
  const held = new HeldPorts();
  const refused: string[] = [];
  for (const { name, count = 1 } of wishes)
    for (const port of rowFrom(ports[name] ?? 0, count))
      if (!(await held.hold(port))) refused.push(`${port} (${name})`);
  if (refused.length === 0) return held;
  await held.giveAll();
  const elsewhere = first ? '' : '--data ANOTHER_DIRECTORY ';
  throw new EngineError(
    `Ports of 127.0.0.1 that the cluster needs are in use: ${refused.join(', ')}.\n` +
      `Stop what listens there, or take others, all in one row: ${elsewhere}--base-port 21000`,
  );
}

async function freeRow(count: number, taken: ReadonlySet<number>): Promise<number> {
  for (;;) {
    const [first = 0] = await freePorts(1);
    const row = rowFrom(first, count);
    const free = await Promise.all(row.map(async (port) => !taken.has(port) && (await isFree(port))));
    if (free.every(Boolean)) return first;
  }
}

function rowFrom(first: number, count: number): readonly number[] {
  return numbers(count).map((n) => first + n - 1);
}

async function readWritten(file: string): Promise<WrittenPorts | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as WrittenPorts;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new EngineError(`${file} cannot be read. Remove its directory and start again.`, { cause: error });
  }
}
