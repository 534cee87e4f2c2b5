/** How Kafka is reached, for the event log and for topic administration alike. */
import type { ConnectionOptions } from 'node:tls';

export interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** One line that the client library would have printed. */
export interface KafkaLogLine {
  readonly level: 'error' | 'warn';
  readonly message: string;
}

export interface KafkaConnectionOptions {
  /** `host:port` of some brokers; they tell the others. */
  readonly brokers: readonly string[];
  /** Kafka's logs and quotas know us by it. */
  readonly clientId: string;
  /** Present: TLS, with the trust and the client certificate it names. */
  readonly tls?: ConnectionOptions;
  readonly sasl?: KafkaSasl;
  /** Time for TCP and TLS to be there, milliseconds. Default 3,000. */
  readonly connectTimeoutMs?: number;
  /** A broker that has not answered for so long is taken to be gone, milliseconds. Default 5,000. */
  readonly requestTimeoutMs?: number;
  readonly onLog?: (line: KafkaLogLine) => void;
}

export const DEFAULT_CONNECT_TIMEOUT_MS = 3_000;
export const DEFAULT_REQUEST_TIMEOUT_MS = 5_000;
