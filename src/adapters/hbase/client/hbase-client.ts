/**
 * A client of one HBase 2 cluster: coprocessor calls, reads, writes, scans and administration, that find their regions, repeat what may be
 * repeated and end by their deadline. Every method rejects with HBaseError only.
 */
import { setMaxListeners } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { Timers } from '../../../time/clock.ts';
import { type ClientStats, newClientStats } from './client-stats.ts';
import { ClusterRegistry } from './cluster-registry.ts';
import { ConnectionPool } from './connection-pool.ts';
import { encodeExecService } from './exec-service.ts';
import { HBaseError } from './hbase-error.ts';
import { MasterAdmin } from './master-admin.ts';
import { MasterCaller } from './master-caller.ts';
import { type HBaseProtocol, loadProtocol } from './protocol.ts';
import { type CallOptions, RegionCaller } from './region-caller.ts';
import type { RegionLocation } from './region-location.ts';
import { RegionLocator } from './region-locator.ts';
import { incrementMessage } from './row-mutation.ts';
import { type Row, rowOf } from './row.ts';
import type { ScannedRows } from './row-assembly.ts';
import type { ScanOptions } from './scan-options.ts';
import { TableScan } from './table-scan.ts';
import { MutationBatch, type MutateCall, type MutationResult } from './mutation-batch.ts';

export interface HBaseClientOptions {
  /** `host:port`, comma separated. */
  readonly zookeeperQuorum: string;
  /** Where HBase keeps its nodes. Default `/hbase`. */
  readonly znodeParent?: string;
  /** Whom HBase takes the calls for. Default `spokemq`. */
  readonly effectiveUser?: string;
  /** For a call with all its attempts, milliseconds. Default 15 s: a server that dies costs its regions some seconds. */
  readonly operationTimeoutMs?: number;
  /** For one attempt, milliseconds. Default 5 s. */
  readonly attemptTimeoutMs?: number;
  /** For a TCP connection to be accepted, milliseconds. Default 2 s. */
  readonly connectTimeoutMs?: number;
  /** For a change of a table or region, milliseconds. Default 120 s. */
  readonly adminTimeoutMs?: number;
  /** Calls waiting for an answer on one connection, and bytes of their requests. Defaults 10,000 and 256 MiB. */
  readonly pendingCallsMax?: number;
  readonly pendingBytesMax?: number;
  readonly timers: Timers;
  /** Milliseconds that never jump. Default: the process's monotonic clock. */
  readonly monotonicMs?: () => number;
  /** From 0 up to 1; for jitter and nonces. */
  readonly random?: () => number;
}

const MIB = 1024 * 1024;
const NO_ROW = Buffer.alloc(0);
const COUNTER_BYTES = 8;

export interface ExecCall extends CallOptions {
  readonly table: string;
  /** Any row of the region that is called. */
  readonly row: Uint8Array;
  /** Full name of the protobuf service, `package.Service`. */
  readonly service: string;
  readonly method: string;
  /** Encoded request. Not copied: must not change before the call has ended. */
  readonly request: Uint8Array;
}

/** `row` is chosen per region. */
export interface ExecOnRegionsCall extends Omit<ExecCall, 'row'> {
  /** Inclusive; empty: from the first region. */
  readonly startRow?: Uint8Array;
  /** Exclusive; empty: to the last region. */
  readonly stopRow?: Uint8Array;
}

export interface RegionAnswer {
  readonly response: Buffer;
  readonly location: RegionLocation;
}

export interface GetCall extends Omit<CallOptions, 'idempotent'> {
  readonly table: string;
  readonly row: Uint8Array;
  readonly families?: readonly string[];
}

export interface IncrementCall extends Omit<CallOptions, 'idempotent'> {
  readonly table: string;
  readonly row: Uint8Array;
  readonly family: string;
  readonly qualifier: Uint8Array;
  /** At least 1. */
  readonly amount: bigint;
}

export class HBaseClient {
  readonly stats: ClientStats;
  readonly master: MasterAdmin;
  readonly #protocol: HBaseProtocol;
  readonly #registry: ClusterRegistry;
  readonly #pool: ConnectionPool;
  readonly #caller: RegionCaller;
  readonly #locator: RegionLocator;
  readonly #closing = new AbortController();

  private constructor(options: HBaseClientOptions, protocol: HBaseProtocol, registry: ClusterRegistry) {
    const {
      timers,
      monotonicMs = () => performance.now(),
      random = Math.random,
      operationTimeoutMs = 15_000,
      attemptTimeoutMs = 5_000,
    } = options;
    const stats = newClientStats();
    const pool = new ConnectionPool(
      {
        effectiveUser: options.effectiveUser ?? 'spokemq',
        connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
        pendingCallsMax: options.pendingCallsMax ?? 10_000,
        pendingBytesMax: options.pendingBytesMax ?? 256 * MIB,
        protocol,
        timers,
        monotonicMs,
        stats,
      },
      random,
    );
    const locator = new RegionLocator({ pool, registry, protocol, attemptTimeoutMs, stats });
    // Every wait of every call listens.
    setMaxListeners(0, this.#closing.signal);
    const deadlines = { timers, monotonicMs, closing: this.#closing.signal };
    const shared = { pool, attemptTimeoutMs, deadlines, random };
    const caller = new RegionCaller({ ...shared, locator, operationTimeoutMs, stats });
    const adminTimeoutMs = options.adminTimeoutMs ?? 120_000;
    const master = new MasterCaller({ ...shared, registry, caller, protocol, adminTimeoutMs });
    this.stats = stats;
    this.#protocol = protocol;
    this.#registry = registry;
    this.#pool = pool;
    this.#caller = caller;
    this.#locator = locator;
    this.master = new MasterAdmin(master, protocol, caller, locator);
  }

  /** Does not wait for ZooKeeper or HBase: the first call does, until its deadline. */
  static async connect(options: HBaseClientOptions): Promise<HBaseClient> {
    const protocol = await loadProtocol();
    const registry = await ClusterRegistry.open({
      quorum: options.zookeeperQuorum,
      znodeParent: options.znodeParent ?? '/hbase',
      protocol,
      timers: options.timers,
    });
    return new HBaseClient(options, protocol, registry);
  }

  /** What waits rejects with `CLOSED`; nothing keeps the process alive afterwards. */
  close(): void {
    this.#closing.abort();
    this.#registry.close();
    this.#pool.close();
  }

  /** Calls a coprocessor endpoint in the region of `row`; the encoded response. */
  exec(call: ExecCall): Promise<Buffer> {
    return this.#exec(call, (response) => response);
  }

  /**
   * Calls an endpoint in every region that has rows from `startRow` on, up to `stopRow`, in the order of their keys, one after the other.
   * Each part comes with the region that answered: no row is left out and none asked twice, whatever is split or moved meanwhile.
   */
  async *execOnRegions(call: ExecOnRegionsCall): AsyncGenerator<RegionAnswer> {
    const { startRow = NO_ROW, stopRow = NO_ROW } = call;
    for (let row = startRow; ;) {
      const answer = await this.#exec({ ...call, row }, (response, location) => ({ response, location }));
      yield answer;
      row = answer.location.endKey;
      if (row.length === 0 || (stopRow.length > 0 && Buffer.compare(row, stopRow) >= 0)) return;
    }
  }

  /** Puts and deletes of many rows; one result per mutation, in their order: an error, or undefined when it is done and durable. */
  mutate(call: MutateCall): Promise<readonly MutationResult[]> {
    return new MutationBatch(call, this.#caller, this.#protocol).run();
  }

  /** One row, or undefined. */
  get({ table, row, families = [], ...options }: GetCall): Promise<Row | undefined> {
    const column = families.map((family) => ({ family: Buffer.from(family), qualifier: [] }));
    return this.#caller.call(
      table,
      row,
      { ...options, idempotent: true },
      async (connection, { name }, timeoutMs) => {
        const request = { region: { type: 1, value: name } as const, gxt: { row, column } };
        const { message, cells } = await connection.call(this.#protocol.get, request, timeoutMs);
        return message.result === null ? undefined : rowOf({ message: message.result, cells });
      },
    );
  }

  /**
   * Adds to a counter, which begins at 0; its new value, durable. An attempt whose answer is lost is repeated and may count twice: for
   * numbers that may be skipped and must not be given twice, not for counting things.
   */
  increment({ table, row, family, qualifier, amount, ...options }: IncrementCall): Promise<bigint> {
    const mutation = incrementMessage(row, family, qualifier, amount);
    return this.#caller.call(
      table,
      row,
      { ...options, idempotent: true },
      async (connection, { name }, timeoutMs) => {
        const request = { region: { type: 1, value: name } as const, mutation };
        const { message, cells } = await connection.call(this.#protocol.mutate, request, timeoutMs);
        const value = message.result && rowOf({ message: message.result, cells })?.cells[0]?.value;
        if (value?.length === COUNTER_BYTES) return value.readBigInt64BE();
        throw new HBaseError('PROTOCOL', 'the answer to an increment has no number', { table });
      },
    );
  }

  /**
   * All rows of a range, in order, every one once; in batches of at least one. Each row is as it was at one moment, the scan as a whole is
   * not.
   */
  scan(options: ScanOptions): AsyncGenerator<Row[]> {
    return new TableScan(options, this.#caller, this.#protocol).batches();
  }

  /** As `scan`, cells as they came, for `CellCursor`: for many rows, of which no object each is wanted. */
  scanCells(options: Omit<ScanOptions, 'limit'>): AsyncGenerator<ScannedRows> {
    return new TableScan(options, this.#caller, this.#protocol).cells();
  }

  /** Where the region of `row` is: as known, or looked up. */
  locate(
    table: string,
    row: Uint8Array,
    options: Pick<CallOptions, 'timeoutMs' | 'signal'> = {},
  ): Promise<RegionLocation> {
    return this.#caller.locate(table, row, this.#caller.deadline(options));
  }

  /** The regions of a table in the order of their keys, from the one that holds `startKey`: as `hbase:meta` has them now. */
  async *regions(table: string, startKey: Uint8Array = NO_ROW): AsyncGenerator<RegionLocation> {
    const deadline = this.#caller.deadline({});
    await this.#caller.repeat(deadline, { idempotent: true }, { table }, () =>
      this.#locator.prefetch(table, startKey, deadline),
    );
    for (let key = startKey; ;) {
      const location = await this.locate(table, key);
      yield location;
      if (location.endKey.length === 0) return;
      key = location.endKey;
    }
  }

  #exec<T>(call: ExecCall, answer: (response: Buffer, location: RegionLocation) => T): Promise<T> {
    const { table, row, service, method, request } = call;
    const { execService } = this.#protocol;
    return this.#caller.call(table, row, call, async (connection, location, timeoutMs) => {
      const parameter = encodeExecService(location.name, row, service, method, request);
      const { value } = await connection.callEncoded(execService, parameter, timeoutMs);
      return answer(value.value, location);
    });
  }
}
