/**
 * The tokens of the admin API: the one that the broker makes for itself, and those that the configuration names, which are read again
 * when the process is told to. Where one of them cannot be read then, all stay as they were.
 */
import { ensureAdminToken } from '../adapters/file/admin-token.ts';
import { readTokenFile, TokenFileError } from '../adapters/file/token-file.ts';
import { adminToken, type AdminToken } from '../admin/access.ts';
import { LOCAL_PRINCIPAL } from '../admin/admin-principal.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';

type TokensConfig = Pick<SpokeConfig, 'admin' | 'dataDirectory'>;

export class AdminTokens {
  readonly #config: TokensConfig;
  readonly #logger: Pick<Logger, 'info' | 'error'>;
  #tokens: readonly AdminToken[] = [];

  private constructor(config: TokensConfig, logger: Pick<Logger, 'info' | 'error'>) {
    this.#config = config;
    this.#logger = logger;
  }

  /** Rejects with `TokenFileError`. */
  static async open(config: TokensConfig, logger: Pick<Logger, 'info' | 'error'>): Promise<AdminTokens> {
    const tokens = new AdminTokens(config, logger);
    tokens.#tokens = await tokens.#read();
    return tokens;
  }

  readonly list = (): readonly AdminToken[] => this.#tokens;

  async reload(): Promise<void> {
    try {
      this.#tokens = await this.#read();
      this.#logger.info(
        { tokens: this.#tokens.map(({ principal }) => principal.name) },
        'admin tokens read again',
      );
    } catch (err) {
      this.#logger.error({ err }, 'admin tokens cannot be read again: those from before stay');
    }
  }

  async #read(): Promise<readonly AdminToken[]> {
    const { admin, dataDirectory } = this.#config;
    const files = new Map<string, string>();
    const tokens = [adminToken(await ensureAdminToken(dataDirectory), LOCAL_PRINCIPAL)];
    for (const { name, tokenFile, role, tenant } of admin.tokens) {
      const text = await readTokenFile(tokenFile);
      const other = files.get(text);
      if (other !== undefined)
        throw new TokenFileError(
          tokenFile,
          `holds the same token as ${other}: whose it is could not be told`,
        );
      files.set(text, tokenFile);
      tokens.push(adminToken(text, { name, role, tenant }));
    }
    return tokens;
  }
}
