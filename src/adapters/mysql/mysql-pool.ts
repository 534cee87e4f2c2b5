/**
 * Connections to MySQL or MariaDB: so many at a time, and a time limit on every statement. What fails, and what takes too long, is
 * "unavailable"; the error says nothing of the values that were in the statement.
 */
import { connect } from 'node:net';
import {
  createPool,
  type Pool,
  type PoolConnection,
  type PoolOptions,
  type ResultSetHeader,
  type RowDataPacket,
} from 'mysql2/promise';
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';

export interface MySqlTls {
  /** Default: the authorities of the platform. */
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** What the certificate has to carry; empty: the host, or `localhost` for an address. */
  readonly serverName: string;
}

export interface MySqlOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** undefined: none. */
  readonly tls: MySqlTls | undefined;
  readonly connectionsMax: number;
  readonly connectTimeoutMs: number;
  /** For one statement, waiting for its connection included. */
  readonly queryTimeoutMs: number;
}

export type Row = Readonly<Record<string, unknown>>;
type Value = string | number;

/** An answer of the server, as opposed to none. */
const NO_SUCH_TABLE = 'ER_NO_SUCH_TABLE';

export class MySqlPool {
  readonly place: string;
  statements = 0;
  failures = 0;
  readonly #pool: Pool;
  readonly #timeoutMs: number;

  constructor(options: MySqlOptions) {
    const { host, port, user, password, database, tls, connectionsMax, connectTimeoutMs } = options;
    this.place = `MySQL at ${host}:${port}`;
    this.#timeoutMs = options.queryTimeoutMs;
    this.#pool = createPool({
      host: tls === undefined || tls.serverName === '' ? host : tls.serverName,
      port,
      user,
      password,
      database,
      connectTimeout: connectTimeoutMs,
      connectionLimit: connectionsMax,
      // Who waits is counted and bounded by the caller.
      waitForConnections: true,
      enableKeepAlive: true,
      ...(tls === undefined ? {} : encrypted(tls, host, port)),
    });
  }

  /** Rows, or an empty list for a statement that has none. Rejects with `StoreUnavailableError`. */
  async query(sql: string, values: readonly Value[] = []): Promise<readonly Row[]> {
    const rows = await this.#run(sql, values);
    return Array.isArray(rows) ? rows : [];
  }

  /** How many rows a statement changed. Rejects with `StoreUnavailableError`. */
  async execute(sql: string, values: readonly Value[] = []): Promise<number> {
    const result = await this.#run(sql, values);
    return 'affectedRows' in result ? result.affectedRows : 0;
  }

  /** All on one connection, which is held meanwhile: for locks of the session. */
  async onOneConnection<Result>(work: (connection: PoolConnection) => Promise<Result>): Promise<Result> {
    try {
      const connection = await this.#pool.getConnection();
      try {
        return await work(connection);
      } finally {
        connection.release();
      }
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end().catch(() => undefined);
  }

  async #run(sql: string, values: readonly Value[]) {
    this.statements++;
    let held: PoolConnection | undefined;
    let late = false;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        late = true;
        // Nobody knows when its answer would come: the connection is of no use to the next statement.
        held?.destroy();
        held = undefined;
        reject(new Error(`no answer within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
    });
    const answer = this.#pool.getConnection().then(async (connection) => {
      if (late) {
        connection.release();
        return [];
      }
      held = connection;
      const [result] = await connection.query<RowDataPacket[] | ResultSetHeader>(sql, [...values]);
      return result;
    });
    try {
      return await Promise.race([answer, deadline]);
    } catch (error) {
      answer.catch(() => undefined);
      throw this.#unavailable(error);
    } finally {
      clearTimeout(timer);
      held?.release();
    }
  }

  #unavailable(error: unknown): StoreUnavailableError {
    if (error instanceof StoreUnavailableError) return error;
    this.failures++;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const message = error instanceof Error && error.message !== '' ? error.message : code;
    const advice =
      code === NO_SUCH_TABLE ? 'run "spoke storage apply"' : 'see whether it runs and lets us in';
    // Not the error itself as the cause: it carries the statement with its values.
    return new StoreUnavailableError(this.place, `${advice} (${message})`);
  }
}

/** The client checks a certificate against the host that it is given, so one with another name is connected to here. */
function encrypted({ serverName, ...material }: MySqlTls, host: string, port: number): PoolOptions {
  const ssl = { ...material, verifyIdentity: true };
  return serverName === ''
    ? { ssl }
    : { ssl, stream: () => connect({ host, port, noDelay: true, keepAlive: true }) };
}
