/**
 * Finds the region of a row: from the cache, or from `hbase:meta`, one look-up for all that wait for the same region. Tries once: who
 * asks decides whether to ask again.
 */
import type { ClientStats } from './client-stats.ts';
import type { ClusterRegistry } from './cluster-registry.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { Deadline } from './deadline.ts';
import { HBaseError } from './hbase-error.ts';
import type { ScanMessage, ScanRequest } from './messages.ts';
import { locationOf, META_REGION_NAME, scanBackBefore, scanBackFrom, scanForwardFrom } from './meta-table.ts';
import type { HBaseProtocol } from './protocol.ts';
import { RegionCache } from './region-cache.ts';
import { containsRow, endsBefore, type RegionLocation } from './region-location.ts';
import { RowAssembly } from './row-assembly.ts';
import { type Row, rowsOf } from './row.ts';
import type { ServerAddress } from './server-address.ts';
import { retryRule } from './server-exception.ts';
import { META_TABLE } from './table-name.ts';

/** Regions read at once: the one asked for and its neighbours before it, which are asked for next. */
const NEIGHBOURS = 16;
/** Regions read at once when a whole table is listed. What is missing is looked up one by one. */
const PREFETCHED_REGIONS_MAX = 1_000;
/** Look-ups of one table under way at once. The others wait, and mostly find what they need in the cache then. */
const LOOKUPS_PER_TABLE = 4;
/** The same in every cluster. */
const META_ENCODED_NAME = '1588230740';

export interface LocatorOptions {
  readonly pool: ConnectionPool;
  readonly registry: ClusterRegistry;
  readonly protocol: HBaseProtocol;
  readonly attemptTimeoutMs: number;
  readonly stats: ClientStats;
}

interface Target {
  readonly table: string;
  readonly row: Uint8Array;
  /** The region before the row, not the one that holds it. */
  readonly before: boolean;
}

export class RegionLocator {
  readonly #options: LocatorOptions;
  readonly #cache = new RegionCache();
  /** Look-ups under way, and who waits for one of them to end, per table. */
  readonly #lookups = new Map<string, { running: number; readonly waiting: (() => void)[] }>();

  constructor(options: LocatorOptions) {
    this.#options = options;
  }

  /** From the cache only: the way of almost every call. */
  cached(table: string, row: Uint8Array): RegionLocation | undefined {
    return this.#cache.get(table, row);
  }

  /** The region that holds `row`. Rejects with `TABLE_NOT_FOUND`, `REGION_UNAVAILABLE` or what kept from asking. */
  locate(table: string, row: Uint8Array, deadline: Deadline): Promise<RegionLocation> {
    return this.#find({ table, row, before: false }, deadline);
  }

  /** The region with the last rows before `row`; an empty `row` stands for the end of the table. */
  locateBefore(table: string, row: Uint8Array, deadline: Deadline): Promise<RegionLocation> {
    return this.#find({ table, row, before: true }, deadline);
  }

  /** Reads where the table's regions are, up to a bound, from the one that holds `startKey` on: instead of one look-up for each. */
  async prefetch(table: string, startKey: Uint8Array, deadline: Deadline): Promise<void> {
    const rows = await this.#readMeta(
      table,
      scanForwardFrom(table, startKey),
      PREFETCHED_REGIONS_MAX,
      deadline,
    );
    for (const row of rows) this.#learn(table, row);
  }

  /** A call found the region elsewhere, or its server gone. */
  forget(location: RegionLocation): void {
    if (location.table === META_TABLE) this.#options.registry.refresh();
    else if (this.#cache.remove(location)) this.#options.stats.relocations++;
  }

  forgetTable(table: string): void {
    this.#cache.removeTable(table);
  }

  async #find(target: Target, deadline: Deadline): Promise<RegionLocation> {
    if (target.table === META_TABLE) return metaLocation(await this.#options.registry.metaServer(deadline));
    const known = this.#known(target);
    if (known !== undefined) return known;
    const turn = this.#lookups.get(target.table) ?? { running: 0, waiting: [] };
    this.#lookups.set(target.table, turn);
    while (turn.running >= LOOKUPS_PER_TABLE) {
      const free = new Promise<void>((resolve) => turn.waiting.push(resolve));
      await deadline.bound(free, { table: target.table });
      const found = this.#known(target);
      if (found !== undefined) {
        turn.waiting.shift()?.();
        return found;
      }
    }
    turn.running++;
    try {
      return await this.#lookUp(target, deadline);
    } finally {
      turn.running--;
      turn.waiting.shift()?.();
      if (turn.running === 0 && turn.waiting.length === 0) this.#lookups.delete(target.table);
    }
  }

  #known({ table, row, before }: Target): RegionLocation | undefined {
    return before ? this.#cache.getBefore(table, row) : this.#cache.get(table, row);
  }

  async #lookUp({ table, row, before }: Target, deadline: Deadline): Promise<RegionLocation> {
    const scan = before ? scanBackBefore(table, row) : scanBackFrom(table, row);
    const rows = await this.#readMeta(table, scan, NEIGHBOURS, deadline);
    let unavailable: HBaseError | undefined;
    let found: RegionLocation | undefined;
    for (const each of rows) {
      const learnt = this.#learn(table, each);
      if (learnt instanceof HBaseError) unavailable ??= learnt;
      else if (learnt !== undefined && (before ? endsBefore(learnt, row) : containsRow(learnt, row)))
        found ??= learnt;
    }
    if (found !== undefined) return found;
    if (unavailable !== undefined) throw unavailable;
    // A region that is being split or merged leaves a gap for a moment; a table that is not there leaves nothing at all.
    if (rows.length > 0)
      throw new HBaseError('REGION_UNAVAILABLE', 'no region holds the row at the moment', { table });
    throw new HBaseError('TABLE_NOT_FOUND', 'hbase:meta has no region of the table', { table });
  }

  /** Takes what a row of `hbase:meta` says into the cache. An error: the region has no server at the moment. */
  #learn(table: string, row: Row): RegionLocation | HBaseError | undefined {
    try {
      const location = locationOf(row, this.#options.protocol);
      if (location?.table !== table) return undefined;
      this.#cache.put(location);
      return location;
    } catch (error) {
      if (error instanceof HBaseError) return error;
      throw error;
    }
  }

  async #readMeta(
    table: string,
    scan: ScanMessage,
    rows: number,
    deadline: Deadline,
  ): Promise<readonly Row[]> {
    const { registry, pool, protocol, stats, attemptTimeoutMs } = this.#options;
    const server = await registry.metaServer(deadline);
    stats.lookups++;
    try {
      const connection =
        pool.ready(server, 'ClientService') ??
        (await deadline.bound(pool.get(server, 'ClientService'), { table }));
      const timeoutMs = Math.min(attemptTimeoutMs, deadline.remainingMs());
      const answer = await connection.call(protocol.scan, metaScanRequest(scan, rows), timeoutMs);
      return rowsOf(new RowAssembly().take(answer, true));
    } catch (error) {
      if (!(error instanceof HBaseError)) throw error;
      // hbase:meta itself may have moved: ZooKeeper knows.
      if (retryRule(error.code).relocate) registry.refresh();
      throw error.at({ table, region: META_TABLE });
    }
  }
}

function metaLocation(server: ServerAddress): RegionLocation {
  return {
    table: META_TABLE,
    name: META_REGION_NAME,
    encodedName: META_ENCODED_NAME,
    regionId: 1n,
    startKey: Buffer.alloc(0),
    endKey: Buffer.alloc(0),
    server,
  };
}

function metaScanRequest(scan: ScanMessage, rows: number): ScanRequest {
  return {
    region: { type: 1, value: META_REGION_NAME },
    scan,
    numberOfRows: rows,
    limitOfRows: rows,
    closeScanner: true,
  };
}
