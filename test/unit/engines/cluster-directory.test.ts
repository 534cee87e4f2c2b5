/** Whose the directory of a cluster is, and for what kind of cluster. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claimedDirectory } from '../../../engines/cluster/cluster-directory.ts';
import { readRecord, writeRecord } from '../../../engines/engine-record.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const NOBODY = { role: 'kafka', pid: 2 ** 30, port: 1, log: '', startedAt: '2026-01-01T00:00:00.000Z' };

test('a start that failed decides nothing; once something has run the data are of its kind', async () => {
  const directory = join(await temporaryDirectory(), 'cluster');
  await claimedDirectory({ directory });
  await claimedDirectory({ directory, kafka: { brokers: 3 } });
  const record = await readRecord(directory);
  expect(record?.form).toContain('3 brokers');

  await writeRecord(directory, { engine: 'cluster', form: '', address: '', ...record, processes: [NOBODY] });
  await claimedDirectory({ directory, kafka: { brokers: 3 }, brokers: 7 });
  await expect(claimedDirectory({ directory })).rejects.toThrow('Kafka with 3 brokers');
});
