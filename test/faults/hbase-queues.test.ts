/**
 * A whole broker with its queues in HBase, under QoS 1 and 2 traffic, while HBase breaks for real. After each fault everything that was
 * acknowledged arrives, in order, QoS 2 once, and publishers went on by themselves; how long they waited is printed.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HBaseEngine } from '../../engines/hbase/hbase-engine.ts';
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import type { RegionLocation } from '../../src/adapters/hbase/client/region-location.ts';
import { CrashRig, seededFor } from '../crash/support/crash-rig.ts';
import { openClient } from '../support/hbase-rows.ts';
import { type HBaseVictim, hbaseVictim } from './support/hbase-victim.ts';
import { SteadyTraffic } from './support/steady-traffic.ts';

const FAULT_TEST_TIMEOUT_MS = 600_000;
const ADMIN_TIMEOUT_MS = 120_000;
const ZOOKEEPER_AWAY_MS = 10_000;
/** Long enough that a machine as busy as CI's does not end it for a server that is only slow. */
const SESSION_TIMEOUT_MS = 15_000;
/** Longer than an attempt of a call (2 s), shorter than the server's session. */
const PAUSED_MS = 4_000;
const ROUNDS = 2;
/** Answers of everybody between two blows, so that each meets traffic. */
const ANSWERS_BETWEEN = 5;

async function broker(engine: HBaseEngine, name: string): Promise<{ rig: CrashRig; victim: HBaseVictim }> {
  const victim = await hbaseVictim(engine);
  return { rig: await CrashRig.around(seededFor(name), victim), victim };
}

/** Resolves after `ms`: for faults that are a span of time. */
function lasts(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function regionsOf(client: HBaseClient, table: string): Promise<readonly RegionLocation[]> {
  const regions: RegionLocation[] = [];
  for await (const region of client.regions(table)) regions.push(region);
  return regions;
}

describe('HBase of two region servers', { timeout: FAULT_TEST_TIMEOUT_MS }, () => {
  let engine: HBaseEngine;
  let client: HBaseClient;

  beforeAll(async () => {
    engine = await HBaseEngine.start({ regionServers: 2, sessionTimeoutMs: SESSION_TIMEOUT_MS });
    client = await openClient(engine.zookeeperQuorum, { operationTimeoutMs: ADMIN_TIMEOUT_MS });
  });
  afterEach(async () => {
    for (const process of engine.processes) if (!process.isRunning) await process.start();
    await engine.ready();
  });
  afterAll(async () => {
    client.close();
    await engine.stop();
  });

  it('a region server is killed: its queues wait for recovery, the others do not', async () => {
    const { rig } = await broker(engine, 'region server killed');
    const traffic = await SteadyTraffic.start(rig);
    const server = engine.regionServers[1];
    traffic.look();
    await server?.kill();
    await traffic.everybodyAnswered(ANSWERS_BETWEEN);
    // Recovery takes longer than the dead server's session; whoever has its queue elsewhere must not have noticed.
    expect(traffic.silenceMs).toBeLessThan(SESSION_TIMEOUT_MS);
    expect(traffic.longestWaitMs).toBeGreaterThan(SESSION_TIMEOUT_MS / 2);
    traffic.report('region server killed');
    await traffic.settle();
  });

  it('regions move, again and again', async () => {
    const { rig, victim } = await broker(engine, 'regions move');
    const traffic = await SteadyTraffic.start(rig);
    for (let round = 0; round < ROUNDS; round++) {
      traffic.look();
      const regions = await regionsOf(client, victim.table);
      for (const region of regions.filter((_, index) => index % 8 === round))
        await client.master.moveRegion(region);
      await traffic.everybodyAnswered(ANSWERS_BETWEEN);
      traffic.report(`a sixteenth of the regions moved, round ${round + 1}`);
    }
    await traffic.settle();
  });

  it('regions split', async () => {
    const { rig, victim } = await broker(engine, 'regions split');
    const traffic = await SteadyTraffic.start(rig);
    traffic.look();
    const before = await regionsOf(client, victim.table);
    // Every region in which a queue of this test lies: ids are consecutive from 1.
    const split = before.filter((region, index) => index % 8 === 0 && region.startKey.length > 0);
    for (const region of split)
      await client.master.splitRegion(region, Buffer.concat([region.startKey, Buffer.alloc(7, 0x80)]));
    await traffic.everybodyAnswered(ANSWERS_BETWEEN);
    traffic.report(`${split.length} regions split`);
    expect((await regionsOf(client, victim.table)).length).toBeGreaterThan(before.length);
    await traffic.settle();
  });

  it('ZooKeeper is gone for ten seconds: nobody notices', async () => {
    const { rig } = await broker(engine, 'zookeeper gone');
    const traffic = await SteadyTraffic.start(rig);
    traffic.look();
    await engine.zookeeper.kill();
    await lasts(ZOOKEEPER_AWAY_MS / 2);
    traffic.look();
    await lasts(ZOOKEEPER_AWAY_MS / 2);
    expect(traffic.answered).toBe(traffic.publishers);
    await engine.zookeeper.start();
    await engine.ready();
    await traffic.everybodyAnswered(ANSWERS_BETWEEN);
    traffic.report('ZooKeeper gone for ten seconds');
    await traffic.settle();
  });

  it('a region server stands still: calls that were given up are applied when it wakes', async () => {
    const { rig } = await broker(engine, 'region server paused');
    const traffic = await SteadyTraffic.start(rig);
    for (let round = 0; round < ROUNDS; round++) {
      traffic.look();
      engine.regionServers[0]?.pause();
      await lasts(PAUSED_MS);
      engine.regionServers[0]?.resume();
      await traffic.everybodyAnswered(ANSWERS_BETWEEN);
      traffic.report(`region server paused for ${PAUSED_MS / 1_000} s, round ${round + 1}`);
    }
    await traffic.settle();
  });

  it('a region server and the broker are killed together', async () => {
    const { rig } = await broker(engine, 'region server and broker killed');
    const traffic = await SteadyTraffic.start(rig);
    traffic.look();
    const server = engine.regionServers[0];
    await Promise.all([server?.kill(), rig.victim.kill()]);
    await server?.start();
    await engine.ready();
    await rig.restart();
    await traffic.everybodyAnswered(ANSWERS_BETWEEN);
    traffic.report('region server and broker killed together');
    await traffic.settle();
  });
});

describe('HBase in one process', { timeout: FAULT_TEST_TIMEOUT_MS }, () => {
  let engine: HBaseEngine;

  beforeAll(async () => {
    engine = await HBaseEngine.start();
  });
  afterAll(() => engine.stop());

  it.each(['kill', 'stop'] as const)('%s, and start again', async (end) => {
    const { rig } = await broker(engine, `HBase ${end}`);
    const traffic = await SteadyTraffic.start(rig);
    traffic.look();
    await engine.master[end]();
    await engine.master.start();
    await engine.ready();
    await traffic.everybodyAnswered(ANSWERS_BETWEEN);
    traffic.report(end === 'kill' ? 'HBase killed and started' : 'HBase stopped and started');
    await traffic.settle();
  });
});
