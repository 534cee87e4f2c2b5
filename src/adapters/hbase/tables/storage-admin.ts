/**
 * Makes and checks the tables that this broker needs in HBase. `apply` may run again and again, also at the same time from several
 * places: it brings what is there to what this release wants and changes nothing that nobody asked for.
 */
import type { Timers } from '../../../time/clock.ts';
import type { HBaseClient } from '../client/hbase-client.ts';
import { HBaseError } from '../client/hbase-error.ts';
import { differenceText, merged, tableDifferences } from './table-differences.ts';
import type { WantedTable } from './wanted-table.ts';

/** While somebody else's `apply` makes the table. */
const STATE_POLL_MS = 200;
const STATE_POLLS_MAX = 600;

export interface StorageAdminOptions {
  readonly client: HBaseClient;
  readonly timers: Timers;
  readonly namespace: string;
  readonly tables: readonly WantedTable[];
  /** One line for people about what is being done. */
  readonly progress: (line: string) => void;
}

export class StorageAdmin {
  readonly #options: StorageAdminOptions;

  constructor(options: StorageAdminOptions) {
    this.#options = options;
  }

  /** Everything that is not as it should be, one line each; none: the broker can use it. Rejects with `HBaseError`. */
  async check(): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const table of this.#options.tables) problems.push(...(await this.#check(table)));
    return problems;
  }

  /** Resolves with what is still wrong afterwards, as `check` says it: other releases of the endpoint that servers hold on to. */
  async apply(): Promise<readonly string[]> {
    const { tables, progress } = this.#options;
    await this.#createNamespace();
    for (const table of tables) {
      await this.#create(table);
      await this.#enable(table);
      await this.#upgrade(table);
    }
    progress('asking every region which endpoint it runs');
    return this.check();
  }

  async #check({ descriptor, regionProblems }: WantedTable): Promise<readonly string[]> {
    const { client } = this.#options;
    const { name } = descriptor;
    const found = await client.master.describeTable(name);
    if (found === undefined) return [`table ${name} does not exist`];
    const differences = tableDifferences(descriptor, found).map(
      (difference) => `${name}: ${differenceText(difference)}`,
    );
    const state = await client.master.tableState(name);
    if (state !== 'enabled') return [...differences, `table ${name} is ${state}`];
    return [...differences, ...((await regionProblems?.(client, name)) ?? [])];
  }

  async #createNamespace(): Promise<void> {
    const { client, namespace, progress } = this.#options;
    if ((await client.master.namespaces()).includes(namespace)) return;
    progress(`creating namespace ${namespace}`);
    await unlessThere(client.master.createNamespace(namespace));
  }

  async #create({ descriptor, splits }: WantedTable): Promise<void> {
    const { client, progress } = this.#options;
    if ((await client.master.describeTable(descriptor.name)) !== undefined) return;
    const regions = splits.length === 0 ? '1 region' : `${splits.length + 1} regions`;
    progress(`creating table ${descriptor.name} with ${regions}`);
    await unlessThere(client.master.createTable(descriptor, splits));
  }

  async #upgrade({ descriptor }: WantedTable): Promise<void> {
    const { client, progress } = this.#options;
    const found = await client.master.describeTable(descriptor.name);
    if (found === undefined) return;
    const differences = tableDifferences(descriptor, found);
    if (differences.length === 0) return;
    for (const difference of differences)
      progress(`changing ${descriptor.name}: ${differenceText(difference)}`);
    await client.master.modifyTable(merged(descriptor, found));
  }

  async #enable({ descriptor: { name } }: WantedTable): Promise<void> {
    const { client, timers, progress } = this.#options;
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
