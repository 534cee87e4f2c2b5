/**
 * What every engine offers: a server of somebody else's (HBase, Kafka, HAProxy …), started on loopback for
 * development and tests. One folder each; nothing here is for production.
 */
import type { Command } from 'commander';
import type { EngineRecord } from './engine-record.ts';

/** Told what is going on, a few words at a time. */
export type Progress = (text: string) => void;

/** A running engine, held by the process that started it. */
export interface RunningEngine {
  /** Resolves when the servers answer a real call; rejects with what their log says when they cannot. */
  ready(): Promise<void>;
  /** Ends every process; removes the data when they were temporary. */
  stop(): Promise<void>;
}

/** How the command line starts one engine. Stopping and telling the status are the same for all. */
export interface EngineCommand {
  readonly name: string;
  readonly summary: string;
  addOptions(start: Command): Command;
  /** Leaves the servers running, and resolves once they are ready and usable. */
  startDetached(
    dataDirectory: string,
    options: Readonly<Record<string, unknown>>,
    progress: Progress,
  ): Promise<EngineRecord>;
}

/** Something a person has to change before an engine can run. The message says what. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
}
