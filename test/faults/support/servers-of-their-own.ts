/** What fault tests lean on: an HBase whose servers end, pause and come back one by one. Of two region servers, which its caller has started. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { HBaseEngine } from '../../../engines/hbase/hbase-engine.ts';
import { callMaster, callRegionServer, callZooKeeper } from '../../../engines/hbase/server-probe.ts';

export function describeServersOfTheirOwn(started: () => HBaseEngine): void {
  describe('an HBase of several processes', () => {
    let hbase: HBaseEngine;

    beforeAll(() => {
      hbase = started();
    });

    test('ZooKeeper, master and each region server are processes of their own', async () => {
      const { zookeeper, master, regionServers, regionServerPorts } = hbase;
      const pids = [zookeeper, master, ...regionServers].map(({ pid }) => pid);
      expect(new Set(pids).size).toBe(4);
      await callZooKeeper(zookeeper.port);
      await callMaster(master.port);
      for (const port of regionServerPorts) await callRegionServer(port);
    });

    test('is not ready while a region server is dead, and is when it has come back', async () => {
      const [server] = hbase.regionServers;
      if (server === undefined) throw new Error('no region server');
      await server.kill();
      await expect(callRegionServer(server.port)).rejects.toThrow('ECONNREFUSED');
      await expect(hbase.ready()).rejects.toThrow('region server 0 ended with SIGKILL');
      await server.start();
      await hbase.ready();
      await callRegionServer(server.port);
    });

    test('a paused master takes connections and answers nobody', async () => {
      hbase.master.pause();
      const answer = callMaster(hbase.master.port).then(
        () => 'answered',
        (error: unknown) => String(error),
      );
      expect(await answer).toContain('no answer within');
      hbase.master.resume();
      await hbase.ready();
    });

    test('a ZooKeeper that was away for a moment ends nothing', async () => {
      const pids = () => hbase.regionServers.map(({ pid }) => pid);
      const before = pids();
      await hbase.zookeeper.stop();
      await expect(callZooKeeper(hbase.zookeeper.port)).rejects.toThrow('ECONNREFUSED');
      await hbase.zookeeper.start();
      await vi.waitFor(async () => await hbase.ready(), { timeout: 60_000, interval: 500 });
      expect(pids()).toEqual(before);
    });

    test('a killed master comes back', async () => {
      await hbase.master.kill();
      await hbase.master.start();
      await hbase.ready();
      await callMaster(hbase.master.port);
    });
  });
}
