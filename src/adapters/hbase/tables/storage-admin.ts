/**
 * Makes and checks the tables that queues need. `apply` may run again and again, also at the same time from several places: it
 * brings what is there to what this release wants and changes nothing that nobody asked for.
 */
import type { Timers } from '../../../time/clock.ts';
import type { HBaseClient } from '../client/hbase-client.ts';
import { HBaseError } from '../client/hbase-error.ts';
import type { TableDescriptor } from '../client/table-descriptor.ts';
import { endpointProblems } from './loaded-endpoint.ts';
import { queueTable, type QueueTableOptions, queueTableSplits } from './queue-table.ts';
import { differenceText, merged, tableDifferences } from './table-differences.ts';

/** While somebody else's `apply` makes the table. */
const STATE_POLL_MS = 200;
const STATE_POLLS_MAX = 600;

export interface StorageAdminOptions extends QueueTableOptions {
  readonly client: HBaseClient;
  readonly timers: Timers;
  /** One line for people about what is being done. */
  readonly progress: (line: string) => void;
}

export class StorageAdmin {
  readonly #options: StorageAdminOptions;
  readonly #wanted: Required<TableDescriptor>;

  constructor(options: StorageAdminOptions) {
    this.#options = options;
    this.#wanted = queueTable(options);
  }

  /** Everything that is not as it should be, one line each; none: the broker can use it. Rejects with `HBaseError`. */
  async check(): Promise<readonly string[]> {
    const { client } = this.#options;
    const found = await client.master.describeTable(this.#wanted.name);
    if (found === undefined) return [`table ${this.#wanted.name} does not exist`];
    const differences = tableDifferences(this.#wanted, found).map(differenceText);
    const state = await client.master.tableState(this.#wanted.name);
    if (state !== 'enabled') return [...differences, `table ${this.#wanted.name} is ${state}`];
    return [...differences, ...(await endpointProblems(client, this.#wanted.name))];
  }

  /** Resolves with what is still wrong afterwards, as `check` says it: other releases of the endpoint that servers hold on to. */
  async apply(): Promise<readonly string[]> {
    await this.#createNamespace();
    await this.#createTable();
    await this.#enable();
    await this.#upgrade();
    this.#options.progress('asking every region which endpoint it runs');
    return this.check();
  }

  async #createNamespace(): Promise<void> {
    const { client, namespace, progress } = this.#options;
    if ((await client.master.namespaces()).includes(namespace)) return;
    progress(`creating namespace ${namespace}`);
    await unlessThere(client.master.createNamespace(namespace));
  }

  async #createTable(): Promise<void> {
    const { client, progress } = this.#options;
    if ((await client.master.describeTable(this.#wanted.name)) !== undefined) return;
    const splits = queueTableSplits();
    progress(`creating table ${this.#wanted.name} with ${splits.length + 1} regions`);
    await unlessThere(client.master.createTable(this.#wanted, splits));
  }

  async #upgrade(): Promise<void> {
    const { client, progress } = this.#options;
    const found = await client.master.describeTable(this.#wanted.name);
    if (found === undefined) return;
    const differences = tableDifferences(this.#wanted, found);
    if (differences.length === 0) return;
    for (const difference of differences) progress(`changing ${differenceText(difference)}`);
    await client.master.modifyTable(merged(this.#wanted, found));
  }

  async #enable(): Promise<void> {
    const { client, timers, progress } = this.#options;
    const { name } = this.#wanted;
    for (let polls = 0; polls < STATE_POLLS_MAX; polls++) {
      const state = await client.master.tableState(name);
      if (state === 'enabled') return;
      if (state === 'disabled') {
        progress(`enabling table ${name}`);
        // Somebody else may be faster: the next look at the state tells.
        await client.master.enableTable(name).catch(unlessNotEnabled);
      }
      await new Promise<void>((resolve) => void timers.after(STATE_POLL_MS, resolve));
    }
    const waitedS = (STATE_POLL_MS * STATE_POLLS_MAX) / 1000;
    throw new HBaseError('TABLE_NOT_ENABLED', `not enabled after ${waitedS} s`, { table: name });
  }
}

/** Two that create the same thing at once both have what they want. */
async function unlessThere(created: Promise<void>): Promise<void> {
  try {
    await created;
  } catch (error) {
    if (!(error instanceof HBaseError) || error.code !== 'ALREADY_EXISTS') throw error;
  }
}

function unlessNotEnabled(error: unknown): void {
  if (!(error instanceof HBaseError) || error.code === 'DEADLINE_EXCEEDED') throw error;
}
