/** What the command line needs of the process it starts. `broker-process.ts` is the one that makes it. */
import type { Logger } from './logging.ts';
import type { ListenerConfig, SpokeConfig } from './config-schema.ts';

export interface ListeningAddress {
  readonly transport: ListenerConfig['transport'];
  readonly host: string;
  /** As bound, never 0. */
  readonly port: number;
  /** WebSocket listeners only. */
  readonly path?: string | undefined;
}

export interface RunningBroker {
  readonly listeners: readonly ListeningAddress[];
  /** undefined: the admin API is turned off. */
  readonly adminUrl: string | undefined;
  /** Reads again what may change while it runs: users, certificates. Keeps what it has when that cannot be used. */
  reload(): Promise<void>;
  /** Resolves with the reason when somebody has asked through the admin API that the process stop. */
  readonly stopRequested: Promise<string>;
  /** Resolves with the reason when others may act for this broker: it serves nobody any more, and only a new start of it can. */
  readonly lost: Promise<string>;
  /** Closes listeners, says goodbye to clients, makes everything accepted durable. Once. */
  stop(): Promise<void>;
}

/** Resolves when every listener accepts connections; rejects when it cannot start, with nothing left open. */
export type StartBroker = (config: SpokeConfig, logger: Logger) => Promise<RunningBroker>;
