/** The TLS files of the listeners while the broker runs: those of one listener belong together, see `watched-files.ts`. */
import type { TlsOptions } from '../transport/tls-handshake.ts';
import type { ListenerConfig } from './config-schema.ts';
import { tlsFiles, tlsOptions, type TlsConfig } from './listener-files.ts';
import { WatchedFiles } from './watched-files.ts';

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
  readonly files: WatchedFiles;
}

export class WatchedCertificates {
  readonly #listeners: readonly WatchedListener[];

  /** Takes the versions of the files: call before they are read. */
  static async of(listeners: readonly ListenerConfig[]): Promise<WatchedCertificates> {
    const watched = listeners.map(async (config, index): Promise<WatchedListener[]> => {
      if (!('tls' in config)) return [];
      const { tls } = config;
      return [{ index, config, tls, files: await WatchedFiles.of(tlsFiles(tls)) }];
    });
    return new WatchedCertificates((await Promise.all(watched)).flat());
  }

  private constructor(listeners: readonly WatchedListener[]) {
    this.#listeners = listeners;
  }

  get reloads(): number {
    return this.#listeners.reduce((sum, { files }) => sum + files.reloads, 0);
  }

  get failures(): number {
    return this.#listeners.reduce((sum, { files }) => sum + files.failures, 0);
  }

  /** Begins to look at the files. */
  follow({ checkEveryMs, exchange, onReload, onProblem }: WatchedCertificatesOptions): void {
    for (const { index, config, tls, files } of this.#listeners) {
      files.follow({
        checkEveryMs,
        takeOver: async () => {
          exchange(index, await tlsOptions(tls, index));
          onReload(config);
        },
        onProblem: (error) => {
          onProblem(error, config);
        },
      });
    }
  }

  /** Looks at the files now. Never rejects; see `onProblem`. */
  async check(): Promise<void> {
    await Promise.all(this.#listeners.map(({ files }) => files.check()));
  }

  close(): void {
    for (const { files } of this.#listeners) files.close();
  }
}
