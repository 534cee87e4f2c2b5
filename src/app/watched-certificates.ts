/**
 * The TLS files of the listeners while the broker runs: when one changes, all files of its listener are read again
 * and taken over together or, when they cannot be used, not at all: then the certificates from before stay.
 */
import { fileVersion } from '../adapters/file/file-version.ts';
import type { TlsOptions } from '../transport/tls-handshake.ts';
import type { ListenerConfig } from './config-schema.ts';
import { tlsFiles, tlsOptions, type TlsConfig } from './listener-files.ts';

export interface WatchedCertificatesOptions {
  /** How often the files' times and sizes are looked at. */
  readonly checkEveryMs: number;
  /** Puts new certificates into use at the listener number `index`. Throws when they cannot be used. */
  readonly exchange: (index: number, tls: TlsOptions) => void;
  readonly onReload: (listener: ListenerConfig) => void;
  /** Files changed and cannot be used. */
  readonly onProblem: (error: Error, listener: ListenerConfig) => void;
}

interface WatchedListener {
  readonly index: number;
  readonly config: ListenerConfig;
  readonly tls: TlsConfig;
  version: string;
}

export class WatchedCertificates {
  reloads = 0;
  failures = 0;
  readonly #listeners: readonly WatchedListener[];
  #options: WatchedCertificatesOptions | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;

  /** Takes the versions of the files: call before they are read. */
  static async of(listeners: readonly ListenerConfig[]): Promise<WatchedCertificates> {
    const watched = listeners.flatMap((config, index) =>
      'tls' in config ? [{ index, config, tls: config.tls, version: '' }] : [],
    );
    for (const listener of watched) listener.version = await versionOf(listener.tls);
    return new WatchedCertificates(watched);
  }

  private constructor(listeners: readonly WatchedListener[]) {
    this.#listeners = listeners;
  }

  /** Begins to look at the files. */
  follow(options: WatchedCertificatesOptions): void {
    this.#options = options;
    if (this.#listeners.length === 0) return;
    this.#timer = setInterval(() => void this.check(), options.checkEveryMs);
    this.#timer.unref();
  }

  /** Looks at the files now. Never rejects; see `onProblem`. */
  check(): Promise<void> {
    this.#checking ??= this.#checkAll().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #checkAll(): Promise<void> {
    const options = this.#options;
    if (options === undefined) return;
    for (const listener of this.#listeners) await this.#reload(listener, options);
  }

  async #reload(listener: WatchedListener, options: WatchedCertificatesOptions): Promise<void> {
    const { index, config, tls } = listener;
    try {
      // The version is taken before the content: a write in between is seen as a change next time.
      const version = await versionOf(tls);
      if (version === listener.version) return;
      listener.version = version;
      options.exchange(index, await tlsOptions(tls, index));
      this.reloads++;
      options.onReload(config);
    } catch (error) {
      this.failures++;
      options.onProblem(error instanceof Error ? error : new Error(String(error)), config);
    }
  }
}

async function versionOf(tls: TlsConfig): Promise<string> {
  return (await Promise.all(tlsFiles(tls).map(fileVersion))).join(' ');
}
