/**
 * The HBase client layer while HBase breaks: ZooKeeper, master and two region servers, each a process of its own that is killed, paused and
 * restarted. Prints how long each fault was felt.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { HBaseEngine } from '../../engines/hbase/hbase-engine.ts';
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import { HBaseError } from '../../src/adapters/hbase/client/hbase-error.ts';
import type { RegionLocation } from '../../src/adapters/hbase/client/region-location.ts';
import { ZooKeeperSession } from '../../src/adapters/hbase/client/zookeeper-session.ts';
import { SystemTimers } from '../../src/transport/system-time.ts';
import { describeLibraryFaults, SCANNER_LEASE_MS } from './support/library-faults.ts';
import { describeServersOfTheirOwn } from './support/servers-of-their-own.ts';
import { ENDPOINT, expectedKeys, newTable, openClient, putRows, scannedKeys } from '../support/hbase-rows.ts';

/** HBase finds a dead server by its session, then recovers its regions: on a busy machine half a minute. */
const RECOVERY_MS_MAX = 90_000;
const NOTHING = Buffer.alloc(0);
const BORDER = Buffer.from([0x80]);

let engine: HBaseEngine;
let client: HBaseClient;

beforeAll(async () => {
  engine = await HBaseEngine.start({
    regionServers: 2,
    properties: {
      'hbase.client.scanner.timeout.period': String(SCANNER_LEASE_MS),
      // Regions stay where a test puts them.
      'hbase.balancer.period': '3600000',
    },
  });
  client = await openClient(engine.zookeeperQuorum, { operationTimeoutMs: RECOVERY_MS_MAX });
});

afterAll(async () => {
  client.close();
  const { dataDirectory, processes } = engine;
  await engine.stop();
  expect(existsSync(dataDirectory)).toBe(false);
  expect(processes.filter(({ isRunning }) => isRunning)).toEqual([]);
});

// On the same servers: none of it minds what the others have left.
describeServersOfTheirOwn(() => engine);
describeLibraryFaults(() => engine);

/** A table of two regions, one on each server: `low` on the first, `high` on the second. */
async function spreadTable(): Promise<{ table: string; low: RegionLocation; high: RegionLocation }> {
  const table = await newTable(client, [BORDER]);
  const place = async (row: Buffer, port: number | undefined): Promise<RegionLocation> => {
    const servers = await client.master.regionServers();
    const server = servers.find((address) => address.port === port);
    if (server === undefined) throw new Error(`no region server listens on port ${String(port)}`);
    const region = await client.locate(table, row);
    return region.server.port === port ? region : await client.master.moveRegion(region, server);
  };
  return {
    table,
    low: await place(NOTHING, engine.regionServerPorts[0]),
    high: await place(BORDER, engine.regionServerPorts[1]),
  };
}

function callRegion(
  caller: HBaseClient,
  { table, startKey: row }: RegionLocation,
  idempotent = true,
): Promise<Buffer> {
  return caller.exec({ table, row, ...ENDPOINT, request: NOTHING, idempotent });
}

async function failureOf(work: Promise<unknown>): Promise<HBaseError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof HBaseError)) throw new Error(`expected an HBaseError, got ${String(error)}`);
  return error;
}

/** Calls a region one call after the other, until stopped or one fails. */
function steadyCalls(caller: HBaseClient, region: RegionLocation) {
  const seen = { calls: 0, longestMs: 0, isStopped: false };
  onTestFinished(() => {
    seen.isStopped = true;
  });
  const done = (async () => {
    while (!seen.isStopped) {
      const started = performance.now();
      await callRegion(caller, region);
      seen.longestMs = Math.max(seen.longestMs, performance.now() - started);
      seen.calls++;
    }
  })();
  // Reported by `stop`, which rejects with it.
  done.catch(() => undefined);
  return {
    /** How many there were, and how long the longest took; rejects with the failure of one. */
    stop: async () => {
      seen.isStopped = true;
      await done;
      return { calls: seen.calls, longestMs: Math.round(seen.longestMs) };
    },
  };
}

describe('regions that move', () => {
  it('lose no call and no row of a scan', async () => {
    const rows = 10_000;
    const { table, low, high } = await spreadTable();
    await putRows(client, table, rows);
    const calls = steadyCalls(client, low);
    const moves = [2_000, 7_000];
    const relocationsBefore = client.stats.relocations;
    const keys = await scannedKeys(client, { table, batchRows: 100 }, async (rowsSoFar) => {
      if (moves[0] === undefined || rowsSoFar < moves[0]) return;
      const region = moves.length === 2 ? low : high;
      moves.shift();
      await client.master.moveRegion(await client.locate(table, region.startKey));
    });
    const { calls: count, longestMs } = await calls.stop();
    expect(keys).toEqual(expectedKeys(rows));
    expect(moves).toEqual([]);
    expect(client.stats.relocations).toBeGreaterThan(relocationsBefore);
    console.log(`two moves: ${count} calls, the longest ${longestMs} ms`);
  });

  it('a scanner whose lease ran out is opened again where it was', async () => {
    const { table } = await spreadTable();
    await putRows(client, table, 500);
    let waited = false;
    const keys = await scannedKeys(client, { table, batchRows: 50 }, async () => {
      // The lease is time itself: there is no event to wait for.
      if (!waited) await pause(3 * SCANNER_LEASE_MS);
      waited = true;
    });
    expect(keys).toEqual(expectedKeys(500));
  });
});

describe('a region server that is paused', () => {
  it('costs its own calls their deadline, and others nothing', async () => {
    const impatient = await openClient(engine.zookeeperQuorum, {
      operationTimeoutMs: 2_500,
      attemptTimeoutMs: 1_000,
    });
    const { low, high } = await spreadTable();
    await Promise.all([callRegion(impatient, low), callRegion(impatient, high)]);
    const paused = engine.regionServers[1]!;
    paused.pause();
    try {
      const others = steadyCalls(impatient, low);
      const started = performance.now();
      const errors = await Promise.all(
        Array.from({ length: 20 }, () => failureOf(callRegion(impatient, high))),
      );
      const tookMs = performance.now() - started;
      const { longestMs } = await others.stop();
      expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['DEADLINE_EXCEEDED']));
      expect(errors[0]?.message).toContain(high.server.name);
      expect(errors[0]?.message).toContain(high.table);
      expect(tookMs).toBeGreaterThan(1_000);
      console.log(`paused server: deadline after ${Math.round(tookMs)} ms, others at most ${longestMs} ms`);
    } finally {
      paused.resume();
    }
    await callRegion(client, high);
    impatient.close();
  });
});

describe('a region server that is killed', () => {
  it('holds up its own regions until they are recovered, and no others', async () => {
    const { low, high } = await spreadTable();
    await Promise.all([callRegion(client, low), callRegion(client, high)]);
    const others = steadyCalls(client, low);
    const affected = steadyCalls(client, high);
    const started = performance.now();
    await engine.regionServers[1]!.kill();
    await callRegion(client, high);
    const recoveredMs = performance.now() - started;
    const { longestMs } = await others.stop();
    await affected.stop();
    console.log(
      `killed server: its region back after ${Math.round(recoveredMs)} ms, others at most ${longestMs} ms`,
    );
    await engine.regionServers[1]!.start();
    await engine.ready();
  });

  it('fails what waits for its answer at once', async () => {
    const { high } = await spreadTable();
    await callRegion(client, high);
    const server = engine.regionServers[1]!;
    server.pause();
    const waiting = failureOf(callRegion(client, high, false));
    const started = performance.now();
    await server.kill();
    const error = await waiting;
    expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: { code: 'CONNECTION_LOST' } });
    expect(performance.now() - started).toBeLessThan(4_000);
    await server.start();
    await engine.ready();
    await callRegion(client, high);
  });
});

describe('a master that is restarted', () => {
  it('is followed: administration waits for it, calls go on', async () => {
    const { low } = await spreadTable();
    const calls = steadyCalls(client, low);
    await engine.master.kill();
    const namespaces = client.master.namespaces();
    await engine.master.start();
    expect(await namespaces).toContain('default');
    await calls.stop();
    await engine.ready();
  });
});

describe('ZooKeeper that is away', () => {
  it('does not matter to known regions; what needs it fails by its deadline, and says so', async () => {
    const { low, high } = await spreadTable();
    await Promise.all([callRegion(client, low), callRegion(client, high)]);
    await engine.zookeeper.stop();
    const calls = steadyCalls(client, low);
    const late = await openClient(engine.zookeeperQuorum, { operationTimeoutMs: 1_500 });
    const error = await failureOf(callRegion(late, high));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
    expect(error.message).toContain(`ZooKeeper at ${engine.zookeeperQuorum} cannot be reached`);
    // Longer than any deadline here. A whole broker bears ten seconds in hbase-queues.test.ts; nothing happens that could be waited for.
    await pause(2_000);
    const { calls: count } = await calls.stop();
    expect(count).toBeGreaterThan(0);
    await engine.zookeeper.start();
    const started = performance.now();
    await expect
      .poll(
        () =>
          callRegion(late, high).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true);
    console.log(
      `ZooKeeper away: ${count} calls went on; found again after ${Math.round(performance.now() - started)} ms`,
    );
    late.close();
    await engine.ready();
  });

  it('that forgot the session gets a new one', async () => {
    let connects = 0;
    const session = await ZooKeeperSession.open({
      quorum: engine.zookeeperQuorum,
      timers: new SystemTimers(),
      onConnected: () => connects++,
    });
    await expect.poll(() => connects, { timeout: 10_000 }).toBe(1);
    await engine.zookeeper.kill();
    // What was a session is not known to it any more. HBase cannot go on after this: the last test here.
    await rm(join(engine.dataDirectory, 'zookeeper', 'version-2'), { recursive: true });
    await engine.zookeeper.start();
    await expect.poll(() => connects, { timeout: 30_000 }).toBe(2);
    expect(session.isConnected).toBe(true);
    session.close();
  });
});
