/**
 * Public keys from a URL (JWKS): fetched when they are first needed, again when they are old or when a token names one that is not
 * among them, and not more often than every so often. Keys that were there stay when the URL is away.
 */
import { readFileSync } from 'node:fs';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import type { JSONWebKeySet } from 'jose';
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';
import { withoutCredentials } from '../../errors/without-credentials.ts';
import type { Clock } from '../../time/clock.ts';
import { parseKeys } from './key-set.ts';

export interface KeyUrlOptions {
  readonly url: string;
  /** Authorities of its certificate, PEM; empty: those of the platform. */
  readonly caFile: string;
  readonly refreshMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** The keys from before stay, if there are any. */
  readonly onProblem: (error: Error) => void;
}

const BYTES_MAX = 1024 * 1024;
/** Whoever makes tokens up could make us ask otherwise. */
const COOL_DOWN_MS = 10_000;

export class KeyUrl {
  fetches = 0;
  readonly #options: KeyUrlOptions;
  /** For errors. */
  readonly #place: string;
  readonly #ca: Buffer | undefined;
  #keys: JSONWebKeySet | undefined;
  #askedAtMs = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(options: KeyUrlOptions) {
    this.#options = options;
    this.#place = withoutCredentials(options.url);
    this.#ca = options.caFile === '' ? undefined : readFileSync(options.caFile);
  }

  /** See `JwtVerifierOptions`. */
  readonly keys = async (wanted: boolean): Promise<JSONWebKeySet> => {
    const { clock, refreshMs } = this.#options;
    const age = clock.nowMs() - this.#askedAtMs;
    const isDue = this.#keys === undefined || wanted ? age >= COOL_DOWN_MS : age >= refreshMs;
    if (isDue || this.#asking !== undefined) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      // Old keys are good enough meanwhile; a key that is wanted, or none at all, has to be waited for.
      if (this.#keys === undefined || wanted) await this.#asking;
    }
    if (this.#keys === undefined)
      throw new StoreUnavailableError(
        `The keys at ${this.#place}`,
        'tokens cannot be verified before they were read once',
      );
    return this.#keys;
  };

  async #ask(): Promise<void> {
    this.fetches++;
    this.#askedAtMs = this.#options.clock.nowMs();
    try {
      this.#keys = parseKeys(await this.#fetch());
    } catch (error) {
      this.#options.onProblem(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #fetch(): Promise<string> {
    const { url, timeoutMs } = this.#options;
    const get = url.startsWith('https:') ? getHttps : getHttp;
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const request = get(
        url,
        { signal, ...(this.#ca === undefined ? {} : { ca: this.#ca }) },
        (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            chunks.push(chunk);
            if (bytes > BYTES_MAX)
              request.destroy(new Error(`${this.#place} sends more than ${BYTES_MAX} bytes`));
          });
          response.on('error', reject);
          response.on('end', () => {
            if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString());
            else reject(new Error(`${this.#place} answers ${response.statusCode}`));
          });
        },
      );
      request.on('error', reject);
    });
  }
}
