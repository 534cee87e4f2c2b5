/**
 * Administration of tables and regions. What changes something returns when HBase has done it, not when it was asked; every call is
 * bounded by the admin timeout.
 */
import type { Deadline } from './deadline.ts';
import { halvesOf } from './halves.ts';
import { HBaseError } from './hbase-error.ts';
import type { MasterCaller } from './master-caller.ts';
import type { HBaseProtocol, RpcMethod } from './protocol.ts';
import type { RegionCaller } from './region-caller.ts';
import type { RegionLocation } from './region-location.ts';
import type { RegionLocator } from './region-locator.ts';
import { addressOf, type ServerAddress } from './server-address.ts';
import { descriptorOf, schemaOf, type TableDescriptor } from './table-descriptor.ts';
import { tableNameMessage } from './table-name.ts';

export type TableState = 'enabled' | 'disabled' | 'disabling' | 'enabling';

const TABLE_STATES: readonly TableState[] = ['enabled', 'disabled', 'disabling', 'enabling'];
/** Between looks at `hbase:meta` while a region moves, milliseconds. */
const MOVE_POLL_MS = 50;

export class MasterAdmin {
  readonly #master: MasterCaller;
  readonly #protocol: HBaseProtocol;
  readonly #caller: RegionCaller;
  readonly #locator: RegionLocator;

  constructor(master: MasterCaller, protocol: HBaseProtocol, caller: RegionCaller, locator: RegionLocator) {
    this.#master = master;
    this.#protocol = protocol;
    this.#caller = caller;
    this.#locator = locator;
  }

  async namespaces(): Promise<readonly string[]> {
    return (await this.#master.call(this.#protocol.listNamespaces, {})).namespaceName;
  }

  /** Rejects with `ALREADY_EXISTS`. */
  createNamespace(name: string): Promise<void> {
    const namespaceDescriptor = { name: Buffer.from(name), configuration: [] };
    return this.#master.run(this.#protocol.createNamespace, { namespaceDescriptor }, {});
  }

  /** Undefined when there is no such table. */
  async describeTable(table: string): Promise<Required<TableDescriptor> | undefined> {
    const request = { tableNames: [tableNameMessage(table)] };
    const { tableSchema } = await this.#master.call(this.#protocol.getTableDescriptors, request, { table });
    return tableSchema[0] && descriptorOf(tableSchema[0]);
  }

  async tableState(table: string): Promise<TableState> {
    const request = { tableName: tableNameMessage(table) };
    const { tableState } = await this.#master.call(this.#protocol.getTableState, request, { table });
    const state = TABLE_STATES[tableState.state];
    if (state === undefined)
      throw new HBaseError('PROTOCOL', `unknown table state ${tableState.state}`, { table });
    return state;
  }

  /** `splitKeys` in ascending order, none empty: one region more than keys. Rejects with `ALREADY_EXISTS`, `NAMESPACE_NOT_FOUND`. */
  async createTable(descriptor: TableDescriptor, splitKeys: readonly Uint8Array[] = []): Promise<void> {
    const request = { tableSchema: schemaOf(descriptor), splitKeys };
    await this.#master.run(this.#protocol.createTable, request, { table: descriptor.name });
  }

  /** Replaces the whole descriptor; regions of an enabled table are reopened with it one after the other. */
  async modifyTable(descriptor: TableDescriptor): Promise<void> {
    const request = { tableName: tableNameMessage(descriptor.name), tableSchema: schemaOf(descriptor) };
    await this.#master.run(this.#protocol.modifyTable, request, { table: descriptor.name });
  }

  async enableTable(table: string): Promise<void> {
    await this.#master.run(this.#protocol.enableTable, { tableName: tableNameMessage(table) }, { table });
  }

  async disableTable(table: string): Promise<void> {
    await this.#master.run(this.#protocol.disableTable, { tableName: tableNameMessage(table) }, { table });
    this.#locator.forgetTable(table);
  }

  /** The table must be disabled. */
  async deleteTable(table: string): Promise<void> {
    await this.#master.run(this.#protocol.deleteTable, { tableName: tableNameMessage(table) }, { table });
    this.#locator.forgetTable(table);
  }

  /** The table must be disabled, and is enabled afterwards. Its regions keep their borders. */
  async truncateTable(table: string): Promise<void> {
    const request = { tableName: tableNameMessage(table), preserveSplits: true };
    await this.#master.run(this.#protocol.truncateTable, request, { table });
    this.#locator.forgetTable(table);
  }

  /** Region servers that are alive, with their start codes. */
  async regionServers(): Promise<readonly ServerAddress[]> {
    const { clusterStatus } = await this.#master.call(this.#protocol.getClusterStatus, {});
    return clusterStatus.liveServers.map(({ server }) => addressOf(server));
  }

  /** Moves a region to a server, or to any other one; returns when it is open there. */
  async moveRegion(region: RegionLocation, to?: ServerAddress): Promise<RegionLocation> {
    const deadline = this.#master.deadline();
    const place = { table: region.table, region: region.encodedName };
    const { host, port, startCode, name } = to ?? (await this.#otherServer(region));
    const request = {
      region: { type: 2, value: Buffer.from(region.encodedName) } as const,
      destServerName: { hostName: host, port, startCode: halvesOf(startCode) },
    };
    await this.#master.call(this.#protocol.moveRegion, request, place, deadline);
    for (;;) {
      const location = await this.#fresh(region, deadline);
      if (location.server.name === name) return location;
      await deadline.sleep(MOVE_POLL_MS, place);
      deadline.check(place);
    }
  }

  /** Splits a region at `splitRow`, which lies inside it, or in the middle of its data. */
  async splitRegion(region: RegionLocation, splitRow?: Uint8Array): Promise<void> {
    const { table, encodedName, regionId, startKey, endKey } = region;
    const regionInfo = {
      regionId: halvesOf(regionId),
      tableName: tableNameMessage(table),
      startKey,
      endKey,
      offline: false,
      split: false,
    };
    const request = { regionInfo, ...(splitRow && { splitRow }) };
    await this.#master.run(this.#protocol.splitRegion, request, { table, region: encodedName });
    this.#locator.forget(region);
  }

  /** Writes what the region has in memory to files. */
  async flushRegion(region: RegionLocation): Promise<void> {
    await this.#onRegion(region, this.#protocol.flushRegion, {
      region: { type: 1, value: region.name },
    });
  }

  /** Asks for a compaction, `major` over all files. Returns at once: the server compacts when it gets to it. */
  async compactRegion(region: RegionLocation, major: boolean): Promise<void> {
    await this.#onRegion(region, this.#protocol.compactRegion, {
      region: { type: 1, value: region.name },
      major,
    });
  }

  /** Whether a compaction is under way, or waits for its turn. */
  async isCompacting(region: RegionLocation): Promise<boolean> {
    const { compactionState } = await this.#onRegion(region, this.#protocol.compactionState, {
      region: { type: 1, value: region.name },
      compactionState: true,
    });
    return compactionState !== 0;
  }

  /** Chosen here: left to the master it may be the one where the region is. */
  async #otherServer({ table, encodedName, server }: RegionLocation): Promise<ServerAddress> {
    const others = (await this.regionServers()).filter(({ name }) => name !== server.name);
    const [other] = others;
    if (other !== undefined) return other;
    throw new HBaseError('REFUSED', 'no other region server is alive', { table, region: encodedName });
  }

  #onRegion<Request, Response>(
    region: RegionLocation,
    method: RpcMethod<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const deadline = this.#master.deadline();
    const place = { table: region.table, region: region.encodedName };
    return this.#caller.repeat(deadline, { idempotent: true }, place, () =>
      this.#caller.onRegion(region, 'AdminService', deadline, (connection) =>
        connection.call(method, request, deadline.remainingMs()),
      ),
    );
  }

  async #fresh(region: RegionLocation, deadline: Deadline): Promise<RegionLocation> {
    const known = this.#locator.cached(region.table, region.startKey);
    if (known !== undefined) this.#locator.forget(known);
    return this.#caller.locate(region.table, region.startKey, deadline);
  }
}
