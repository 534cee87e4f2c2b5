/** Errors that nobody caught while this process ran the broker: whatever a client sends, there are none. */
export class CrashWatch {
  readonly crashes: string[] = [];
  readonly #note = (error: unknown): void => {
    this.crashes.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  };

  constructor() {
    process.on('uncaughtException', this.#note);
    process.on('unhandledRejection', this.#note);
  }

  /** Those since the last call. */
  take(): string[] {
    return this.crashes.splice(0);
  }

  stop(): void {
    process.off('uncaughtException', this.#note);
    process.off('unhandledRejection', this.#note);
  }
}
