/**
 * Files that a running broker goes by and that belong together: when one of them changes all are read again and taken over together or,
 * when they cannot be used, not at all: then what was read before stays.
 */
import { fileVersion } from '../adapters/file/file-version.ts';

export interface WatchedFilesOptions {
  /** How often the files' times and sizes are looked at. */
  readonly checkEveryMs: number;
  /** Reads them and puts them into use. Rejects when they cannot be used. */
  readonly takeOver: () => Promise<void>;
  /** Files changed and cannot be used. */
  readonly onProblem: (error: Error) => void;
}

export class WatchedFiles {
  reloads = 0;
  failures = 0;
  readonly #files: readonly string[];
  #version: string;
  #options: WatchedFilesOptions | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;

  /** Takes the versions of the files: call before they are read. */
  static async of(files: readonly string[]): Promise<WatchedFiles> {
    return new WatchedFiles(files, await versionOf(files));
  }

  private constructor(files: readonly string[], version: string) {
    this.#files = files;
    this.#version = version;
  }

  /** Begins to look at the files. */
  follow(options: WatchedFilesOptions): void {
    this.#options = options;
    this.#timer = setInterval(() => void this.check(), options.checkEveryMs);
    this.#timer.unref();
  }

  /** Looks at the files now. Never rejects; see `onProblem`. */
  check(): Promise<void> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    const options = this.#options;
    if (options === undefined) return;
    try {
      // The version is taken before the content: a write in between is seen as a change next time.
      const version = await versionOf(this.#files);
      if (version === this.#version) return;
      this.#version = version;
      await options.takeOver();
      this.reloads++;
    } catch (error) {
      this.failures++;
      options.onProblem(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

async function versionOf(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(fileVersion))).join(' ');
}
