/** What the HBase image promises besides what the queue contract checks, which runs against it in the same group. */
import { inject, expect, test } from 'vitest';
import { getContainerRuntimeClient } from 'testcontainers';
import { callZooKeeper } from '../../engines/hbase/server-probe.ts';

async function inContainer(...command: string[]): Promise<{ exitCode: number; output: string }> {
  const { container } = await getContainerRuntimeClient();
  return await container.exec(container.getById(inject('hbaseContainerId')), command);
}

test('clients outside reach ZooKeeper under the port it was given', async () => {
  await callZooKeeper(Number(inject('zookeeperQuorum').split(':')[1]));
});

test('nothing in the container runs as root', async () => {
  expect((await inContainer('id', '-u')).output.trim()).not.toBe('0');
});

test('the health check is good, and bad where no master listens', async () => {
  expect(await inContainer('/opt/hbase/bin/healthcheck')).toMatchObject({ exitCode: 0 });
  const elsewhere = await inContainer('env', 'HBASE_MASTER_PORT=1', '/opt/hbase/bin/healthcheck');
  expect(elsewhere.exitCode).not.toBe(0);
});
