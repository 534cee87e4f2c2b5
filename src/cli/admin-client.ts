/**
 * Speaks to the broker that runs with the same configuration on this machine: address from `admin`, token from its
 * data directory unless another one is named. What goes wrong is told as a `CommandError` with its remedy.
 */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { readAdminToken } from '../adapters/file/admin-token.ts';
import { readTokenFile, TokenFileError } from '../adapters/file/token-file.ts';
import type { Page } from '../admin/admin-port.ts';
import type { ApiErrorBody } from '../admin/api-error.ts';
import type { SpokeConfig } from '../app/config-schema.ts';
import { VERSION } from '../app/version.ts';
import { CommandError, EXIT } from './cli-context.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

const PAGE_ITEMS = 500;
const JSON_TYPE = { 'content-type': 'application/json' };

export interface Listing<Item> {
  readonly items: readonly Item[];
  /** There are others. */
  readonly more: boolean;
}

export interface AdminIdentity {
  /** `user@host`, for the audit trail. */
  readonly user: string;
  /** undefined: the token that the broker made for itself. */
  readonly tokenFile: string | undefined;
}

/** Nothing answers where the broker should be, or not to the end. */
export class BrokerAwayError extends CommandError {}

export class AdminClient {
  readonly #base: string;
  readonly #token: string;
  readonly #agent: string;

  /** Rejects when the configuration tells that there is nothing to speak to. */
  static async open(
    config: Pick<SpokeConfig, 'admin' | 'dataDirectory'>,
    { user, tokenFile }: AdminIdentity,
  ): Promise<AdminClient> {
    const { enabled, host, port } = config.admin;
    if (!enabled || port === 0) {
      const why = enabled ? 'admin.port is 0, so its port is not known' : 'admin.enabled is false';
      throw new CommandError(
        `The admin API cannot be reached: ${why}. Change that and restart the broker.`,
        EXIT.usage,
      );
    }
    const base = `http://${addressOf(host)}:${port}`;
    const token = await (tokenFile === undefined
      ? readAdminToken(config.dataDirectory)
      : namedToken(tokenFile));
    if (token === undefined)
      throw notRunning(base, `no broker has run with data directory ${config.dataDirectory}`);
    return new AdminClient(base, token, `spoke/${VERSION} (${user})`);
  }

  private constructor(base: string, token: string, agent: string) {
    this.#base = base;
    this.#token = token;
    this.#agent = agent;
  }

  async get<Answer>(path: string, query: Query = {}): Promise<Answer> {
    return parsed<Answer>(await this.#request('GET', path, query));
  }

  async post<Answer>(path: string, body: object | undefined, query: Query = {}): Promise<Answer> {
    return parsed<Answer>(await this.#request('POST', path, query, body));
  }

  async patch<Answer>(path: string, body: object, query: Query): Promise<Answer> {
    return parsed<Answer>(await this.#request('PATCH', path, query, body));
  }

  async delete<Answer>(path: string, query: Query): Promise<Answer> {
    return parsed<Answer>(await this.#request('DELETE', path, query));
  }

  /** Up to `limit` items over as many pages as that takes. */
  async list<Item>(path: string, query: Query, limit: number): Promise<Listing<Item>> {
    const items: Item[] = [];
    let cursor: string | undefined;
    do {
      const pageItems = Math.min(PAGE_ITEMS, limit - items.length);
      const page: Page<Item> = await this.get(path, { ...query, limit: pageItems, cursor });
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined && items.length < limit);
    return { items, more: cursor !== undefined };
  }

  /** One item per line of the answer, as it arrives. Rejects when the broker goes away. */
  async *lines<Item>(path: string, query: Query): AsyncGenerator<Item> {
    const response = await this.#request('GET', path, query);
    if (response.body === null) return;
    try {
      for await (const line of createInterface({ input: Readable.fromWeb(response.body) }))
        if (line !== '') yield JSON.parse(line) as Item;
    } catch (cause) {
      throw wentAway(cause);
    }
  }

  async #request(method: string, path: string, query: Query, body?: object): Promise<Response> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) search.set(name, String(value));
    const url = `${this.#base}${path}?${search.toString()}`;
    const headers = { authorization: `Bearer ${this.#token}`, 'user-agent': this.#agent };
    const json = body && { body: JSON.stringify(body), headers: { ...headers, ...JSON_TYPE } };
    const response = await fetch(url, { method, headers, ...json }).catch((cause: unknown) => {
      throw notRunning(this.#base, 'nothing answers there', { cause });
    });
    if (response.ok) return response;
    throw new CommandError(refusalText(await response.text(), response.status));
  }
}

async function namedToken(file: string): Promise<string> {
  return await readTokenFile(file).catch((cause: unknown) => {
    if (cause instanceof TokenFileError) throw new CommandError(`${cause.message}.`, EXIT.usage, { cause });
    throw cause;
  });
}

function addressOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function notRunning(base: string, why: string, options?: ErrorOptions): CommandError {
  return new BrokerAwayError(
    `No broker is running at ${base}: ${why}. Start it with "spoke start", or name its configuration with --config.`,
    EXIT.failure,
    options,
  );
}

/** The broker's word is taken for the shape of its answers: it has our token. */
async function parsed<Answer>(response: Response): Promise<Answer> {
  const text = await response.text().catch((cause: unknown) => {
    throw wentAway(cause);
  });
  return JSON.parse(text) as Answer;
}

function wentAway(cause: unknown): BrokerAwayError {
  return new BrokerAwayError('The broker went away while it was being read.', EXIT.failure, { cause });
}

function refusalText(body: string, status: number): string {
  try {
    const { message, fix } = JSON.parse(body) as Partial<ApiErrorBody>;
    return `The broker refused: ${message ?? body}. ${fix ?? ''}`.trim();
  } catch {
    return `What answers is no SpokeMQ broker (HTTP status ${status}). Is something else listening on admin.port?`;
  }
}
