/** A broker in memory without sockets, disk and log file: a case takes a millisecond. */
import { setTimeout as sleep } from 'node:timers/promises';
import { configSchema } from '../../src/app/config-schema.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { ChunkPool } from '../../src/transport/chunk-pool.ts';
import { Connection } from '../../src/transport/connection.ts';
import type { ConnectionContext } from '../../src/transport/connection-context.ts';
import { DeadlineWheel } from '../../src/transport/deadline-wheel.ts';
import { Traffic } from '../../src/transport/traffic.ts';
import { TurnQueue } from '../../src/transport/turn-queue.ts';
import { openMemoryBroker } from '../support/memory-broker.ts';
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
  readonly forbidden = [];
  readonly #broker: Broker;
  readonly #context: ConnectionContext;
  readonly #open = new Set<Connection>();
  readonly #auditor = new Auditor();

  private constructor(broker: Broker) {
    this.#broker = broker;
    const { limits, timers } = broker.services;
    this.#context = {
      limits,
      wheel: new DeadlineWheel(timers),
      turn: new TurnQueue(timers),
      chunks: new ChunkPool(),
      traffic: new Traffic(),
      mayServe: () => true,
      onGone: (connection) => this.#open.delete(connection),
    };
  }

  static async start(): Promise<LinkTarget> {
    const { limits } = configSchema.parse({ limits: FUZZ_LIMITS });
    const target = new LinkTarget(await openMemoryBroker({ limits }));
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
