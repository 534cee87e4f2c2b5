import { logLevel } from 'kafkajs';
import type { LogEntry } from 'kafkajs';
import { expect, test } from 'vitest';
import { libraryLogCreator } from '../../../../../src/adapters/kafka/client/library-log.ts';
import type { KafkaLogLine } from '../../../../../src/adapters/kafka/kafka-connection-options.ts';

function entry(level: logLevel, message: string, extra: object = {}): LogEntry {
  const log = { timestamp: '', logger: 'kafkajs', message, ...extra };
  return { namespace: 'Connection', level, label: '', log };
}

test('a line says what was asked and what went wrong with it', () => {
  const lines: KafkaLogLine[] = [];
  const write = libraryLogCreator((line) => void lines.push(line))(logLevel.WARN);
  write(entry(logLevel.WARN, 'slow', { error: undefined }));
  write(entry(logLevel.ERROR, 'Response Heartbeat', { error: 'The group is rebalancing', size: 10 }));
  expect(lines).toEqual([
    { level: 'warn', message: 'Connection: slow' },
    { level: 'error', message: 'Connection: Response Heartbeat: The group is rebalancing' },
  ]);
});
