/** kafkajs's own log lines, as one callback: what it would print to the console, our log gets, and only from warnings up. */
import { logLevel } from 'kafkajs';
import type { logCreator } from 'kafkajs';
import loggers from 'kafkajs/src/loggers/index.js';
import type { KafkaJsLogger } from 'kafkajs/src/loggers/index.js';
import type { KafkaLogLine } from '../kafka-connection-options.ts';

type OnLog = ((line: KafkaLogLine) => void) | undefined;

export function libraryLogCreator(onLog: OnLog): logCreator {
  return () =>
    ({ level, namespace, log }) => {
      // It names the request and has what went wrong with it beside that.
      const cause: unknown = log['error'];
      const message = `${namespace}: ${log.message}${typeof cause === 'string' ? `: ${cause}` : ''}`;
      onLog?.({ level: level === logLevel.ERROR ? 'error' : 'warn', message });
    };
}

export function libraryLogger(onLog: OnLog): KafkaJsLogger {
  return loggers.createLogger({ level: logLevel.WARN, logCreator: libraryLogCreator(onLog) });
}
