/** A metadata process, once started: what `spoke metadata` shows of it and can do to it. */
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';

export interface RunningMetadata {
  /** undefined: turned off. */
  readonly adminUrl: string | undefined;
  /** Takes a last checkpoint if that works at once, and leaves its partitions to the others. Once. */
  stop(): Promise<void>;
}

/** Resolves when it folds or waits for its share; rejects when it cannot start, with nothing left open. */
export type StartMetadata = (config: SpokeConfig, logger: Logger) => Promise<RunningMetadata>;
