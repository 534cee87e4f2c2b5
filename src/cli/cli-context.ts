/**
 * What a command may touch of the outside world, passed in so that tests run the real commands in-process.
 */
import type { Environment } from '../app/config-environment.ts';
import type { StartBroker } from '../app/running-broker.ts';
import type { StartMetadata } from '../app/running-metadata.ts';

/** Exit codes: 1 the work failed, 2 the command or the configuration was wrong. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const;

export interface TextOutput {
  write(text: string): unknown;
  readonly isTerminal: boolean;
  /** Nobody reads it any more. */
  readonly isClosed: boolean;
}

export interface CliContext {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly environment: Environment;
  readonly workingDirectory: string;
  /** Who runs the command, `user@host`, for the audit trail. */
  readonly user: string;
  /** Everything on standard input, for `--password-stdin`. */
  readStdin(): Promise<string>;
  /** Asks on the terminal without echo; undefined when there is no terminal. */
  askSecret(question: string): Promise<string | undefined>;
  /** Calls back on SIGTERM and SIGINT; returns how to stop listening. */
  onStopSignal(callback: (signal: string) => void): () => void;
  /** Calls back on SIGHUP; returns how to stop listening. */
  onReloadSignal(callback: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** Loaded only by `spoke start`, so that every other command starts quickly. */
  loadBroker(): Promise<StartBroker>;
  /** Loaded only by `spoke metadata`. */
  loadMetadata(): Promise<StartMetadata>;
}

/** A failure that needs no stack: its message says what was wrong and what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failure, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
