import { EventEmitter, once } from 'node:events';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import type { StartMetadata } from '../../../src/app/running-metadata.ts';
import { CliHarness } from './cli-harness.ts';

const CLUSTER = {
  SPOKE_EVENT_LOG_STORE: 'kafka',
  SPOKE_QUEUES_STORE: 'hbase',
  SPOKE_LOG_FORMAT: 'json',
};

function harness(startMetadata: StartMetadata, environment: Record<string, string> = CLUSTER): CliHarness {
  return new CliHarness({ directory: tmpdir(), environment, startMetadata });
}

test('it runs until it is told to stop, and then takes its time', async () => {
  const events = new EventEmitter();
  const cli = harness(() => {
    setImmediate(() => events.emit('started'));
    return Promise.resolve({ adminUrl: 'http://127.0.0.1:9884', stop: () => Promise.resolve() });
  });
  const run = cli.run('metadata');
  await once(events, 'started');
  cli.signal('SIGTERM');
  const { code, out } = await run;
  expect(code).toBe(0);
  const records = out
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(records).toMatchObject([
    { msg: 'ready', admin: 'http://127.0.0.1:9884' },
    { msg: 'stopping', signal: 'SIGTERM' },
    { msg: 'stopped' },
  ]);
  expect(cli.listensForSignals).toBe(false);
});

test('why it did not start is said without a stack', async () => {
  const cli = harness(() => Promise.reject(new Error('Kafka topic spoke.retained: it is not there')));
  const { code, err } = await cli.run('metadata');
  expect(code).toBe(1);
  expect(err).toBe('The metadata service did not start: Kafka topic spoke.retained: it is not there\n');
});

test('with an event log in the data directory there is nothing for it to do', async () => {
  const cli = harness(() => Promise.reject(new Error('must not start')), {});
  const { code, err } = await cli.run('metadata');
  expect(code).toBe(2);
  expect(err).toMatch(/eventLog\.store/);
});
