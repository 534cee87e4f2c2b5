/** A broker in memory without sockets, disk and log file: a case takes a millisecond. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AnonymousAuthenticator } from '../../src/auth/anonymous-authenticator.ts';
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import { MemorySessionIds } from '../../src/adapters/memory/memory-session-ids.ts';
import { configSchema } from '../../src/app/config-schema.ts';
import { Broker } from '../../src/broker/broker.ts';
import { DEFAULT_TENANT, incarnation } from '../../src/tenancy/identity.ts';
import { ChunkPool } from '../../src/transport/chunk-pool.ts';
import { Connection, type ConnectionContext } from '../../src/transport/connection.ts';
import { DeadlineWheel } from '../../src/transport/deadline-wheel.ts';
import { SystemClock, SystemTimers } from '../../src/transport/system-time.ts';
import { Traffic } from '../../src/transport/traffic.ts';
import { TurnQueue } from '../../src/transport/turn-queue.ts';
import { Auditor } from './auditor.ts';
import { FUZZ_LIMITS } from './fuzz-limits.ts';
import type { FuzzTarget, Wire } from './fuzz-target.ts';
import { MemoryWire } from './memory-wire.ts';

/** Turns of the event loop without a byte in either direction after which nothing more is expected. */
const QUIET_TURNS = 12;
const TURNS_MAX = 2_000;
const STOP_DEADLINE_MS = 2_000;
const PEER = { transport: 'tcp', address: '127.0.0.1', port: 1, certificateName: undefined } as const;

export class LinkTarget implements FuzzTarget {
  readonly name = 'links';
  readonly #broker: Broker;
  readonly #context: ConnectionContext;
  readonly #open = new Set<Connection>();
  readonly #auditor = new Auditor();

  private constructor() {
    const { limits } = configSchema.parse({ limits: FUZZ_LIMITS });
    const clock = new SystemClock();
    const timers = new SystemTimers();
    this.#broker = new Broker({
      tenants: [DEFAULT_TENANT],
      incarnation: incarnation('fuzzed', 1),
      logsAreShared: false,
      sessionLog: new MemoryEventLog(),
      retainedLog: new MemoryEventLog(),
      store: new MemoryDurableQueue(limits.durableQueue),
      sessionIds: new MemorySessionIds(),
      authenticator: new AnonymousAuthenticator(new Set([DEFAULT_TENANT])),
      enhancedAuthenticators: [],
      clock,
      timers,
      limits,
      log: SILENT,
      randomId: () => 'assigned',
    });
    this.#context = {
      limits,
      wheel: new DeadlineWheel(timers),
      turn: new TurnQueue(timers),
      chunks: new ChunkPool(),
      traffic: new Traffic(),
      onGone: (connection) => this.#open.delete(connection),
    };
  }

  static async start(): Promise<LinkTarget> {
    const target = new LinkTarget();
    const { sessionLog, retainedLog } = target.#broker.services;
    await sessionLog.follow(await sessionLog.startOffsets(), (entries) => {
      for (const entry of entries) target.#broker.applySessionRecord(entry);
    });
    await retainedLog.follow(await retainedLog.startOffsets(), (entries) => {
      for (const entry of entries) target.#broker.applyRetainedRecord(entry);
    });
    await target.#auditor.begin(await target.open(target.#auditor.onBytes));
    return target;
  }

  get audited(): ReadonlySet<string> {
    return this.#auditor.payloads;
  }

  open(onBytes: (bytes: Buffer) => void): Promise<Wire> {
    const wire = new MemoryWire(onBytes);
    this.#open.add(new Connection(wire, PEER, this.#context, this.#broker.accept));
    return Promise.resolve(wire.client);
  }

  async settle(): Promise<void> {
    const { traffic } = this.#context;
    let quiet = 0;
    for (let turn = 0, before = -1; quiet < QUIET_TURNS && turn < TURNS_MAX; turn++) {
      const now = traffic.bytesIn + traffic.bytesOut;
      quiet = now === before ? quiet + 1 : 0;
      before = now;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  leftovers(): Promise<string[]> {
    const { batcher, brake, stagedRetained } = this.#broker.services;
    const [tenant] = this.#broker.tenants();
    const counts: Readonly<Record<string, number>> = {
      // All but the auditor.
      connections: this.#open.size - 1,
      sockets: this.#context.traffic.connections.tcp - 1,
      connected: (tenant?.counters.connections ?? 0) - 1,
      'staged bytes': batcher.stagedBytes,
      'staged retained bytes': stagedRetained.bytes,
      'stopped publishers': brake.stopped,
      'undecodable records': this.#broker.undecodableRecords,
    };
    const left = Object.entries(counts).filter(([, count]) => count !== 0);
    return Promise.resolve(left.map(([what, count]) => `${count} ${what} left`));
  }

  refusals(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async dispose(): Promise<void> {
    for (const connection of this.#open) connection.destroy();
    await this.settle();
    // What is stuck has been reported, and there may be more brokers to play on.
    await Promise.race([this.#broker.stop(), sleep(STOP_DEADLINE_MS)]);
  }
}

const ignore = (): void => undefined;
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };
