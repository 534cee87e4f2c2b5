/** The HBase of this test group is there, for tests that run in other processes than the one that started it. */
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { expect, inject, test } from 'vitest';

test('ZooKeeper of the test group answers on loopback', async () => {
  const quorum = inject('zookeeperQuorum');
  expect(quorum).toMatch(/^127\.0\.0\.1:\d+$/);
  const socket = createConnection({ host: '127.0.0.1', port: Number(quorum.split(':')[1]) });
  socket.write('srvr');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toContain('Zookeeper version');
});
