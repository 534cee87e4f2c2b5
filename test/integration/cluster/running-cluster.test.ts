/**
 * A cluster on this machine as `npm run cluster` and the chaos tests hold it, over the group's Kafka and HBase: who dies comes
 * back, who is held does not, and nothing outlives its owner.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { BrokerSettings } from '../../../engines/cluster/broker-file.ts';
import type { MemberEvent } from '../../../engines/cluster/cluster-member.ts';
import { RunningCluster } from '../../../engines/cluster/running-cluster.ts';
import { missingHAProxy } from '../../../engines/haproxy/haproxy-binary.ts';
import { PROJECT_DIRECTORY } from '../../../engines/places.ts';
import { newCluster } from '../../support/cluster-brokers.ts';
import { RawClient } from '../../support/raw-client.ts';
import { disconnect, payloads, publish, subscribe, take } from '../support/exchanges.ts';
import { newClientId } from '../support/versions.ts';

const OWNER = `
const { RunningCluster } = await import(process.argv[1]);
const cluster = await RunningCluster.start(JSON.parse(process.argv[2]));
console.log(JSON.stringify(cluster.members.map(({ pid }) => pid)));
setInterval(() => undefined, 1_000);
`;

let settings: BrokerSettings;
let cluster: RunningCluster;

const engines = () => ({ kafkaBrokers: inject('kafkaAddress'), zookeeperQuorum: inject('zookeeperQuorum') });

beforeAll(async () => {
  // Who dies is not waited for longer than it has to be.
  settings = { ...(await newCluster(engines())), cluster: { peerPort: 0, sessionTimeoutMs: 4_000 } };
  cluster = await RunningCluster.start({ brokers: 2, engines: engines(), settings });
});

afterAll(async () => await cluster.stop());

/** The next event of a member that is so. */
function next(name: string, type: MemberEvent['type']): Promise<MemberEvent> {
  return new Promise((resolve) => {
    const stop = cluster.follow((event) => {
      if (event.name !== name || event.type !== type) return;
      stop();
      resolve(event);
    });
  });
}

async function connected(port: number | undefined, name: string): Promise<RawClient> {
  const { client } = await RawClient.connect(
    { port: port ?? 0, level: 4 },
    { clientId: newClientId(name), clean: false },
  );
  return client;
}

describe('a running cluster', () => {
  test('has its members ready, and takes clients wherever they connect', async () => {
    const behind = missingHAProxy() === undefined ? ['haproxy'] : [];
    expect(cluster.members.map(({ name }) => name)).toEqual([
      'metadata-1',
      'broker-1',
      'broker-2',
      ...behind,
    ]);
    for (const { name } of cluster.members) expect(await cluster.isReady(name)).toBe(true);

    const reader = await connected(cluster.brokers[0]?.mqttPort, 'reader');
    await subscribe(reader, { topic: 'bikes/1', qos: 1 });
    const ports = [cluster.front?.mqttPort, ...cluster.brokers.map(({ mqttPort }) => mqttPort)];
    for (const port of ports.filter((each) => each !== undefined)) {
      const writer = await connected(port, 'writer');
      await publish(writer, { topic: 'bikes/1', payload: `by ${port}`, qos: 1 });
      expect(payloads([await take(reader)])).toEqual([`by ${port}`]);
      await disconnect(writer);
    }
    await disconnect(reader);
  });

  test('starts again who died by itself', async () => {
    const { pid, starts } = cluster.member('broker-1');
    const [ended, started] = [next('broker-1', 'ended'), next('broker-1', 'started')];
    process.kill(pid ?? 0, 'SIGKILL');
    expect(await ended).toMatchObject({ pid, asked: false, how: 'SIGKILL' });
    expect(cluster.member('broker-1')).toMatchObject({ state: 'waiting', pid: undefined });
    expect(await cluster.isReady('broker-1')).toBe(false);
    expect((await started).pid).not.toBe(pid);
    await cluster.waitReady('broker-1');
    expect(cluster.member('broker-1')).toMatchObject({ state: 'running', starts: starts + 1 });
  });

  test('lets who is held be down until it is asked for', async () => {
    await cluster.kill('broker-2', { signal: 'SIGTERM', hold: true });
    expect(cluster.member('broker-2').state).toBe('held');
    await expect(cluster.waitReady('broker-2')).rejects.toThrow('broker-2 ended with');
    await cluster.startAgain('broker-2');
    await cluster.waitReady('broker-2');
    await cluster.restart('metadata-1');
    await cluster.waitReady('metadata-1');
  });

  test('a member that is paused is not ready, and is when it goes on', async () => {
    cluster.pause('broker-2');
    expect(await cluster.isReady('broker-2')).toBe(false);
    cluster.resume('broker-2');
    await cluster.waitReady('broker-2');
  });
});

test('nothing outlives an owner that is killed', async () => {
  // Of the sources as they are: an owner that can be killed is a process of its own, without vitest.
  await promisify(execFile)('npx', ['tsc', '-p', 'engines/tsconfig.json'], { cwd: PROJECT_DIRECTORY });
  const program = `${PROJECT_DIRECTORY}/dist/engines/cluster/running-cluster.js`;
  const another = { ...settings, broker: { id: 'another' } };
  const options = JSON.stringify({ brokers: 1, metadata: 0, engines: engines(), settings: another });
  const owner = spawn(process.execPath, ['--input-type=module', '-e', OWNER, program, options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  const pids = JSON.parse(line) as number[];
  expect(pids.filter(isAlive)).toEqual(pids);
  owner.kill('SIGKILL');
  await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
});

test('stop leaves nothing behind', async () => {
  const pids = cluster.members.map(({ pid }) => pid ?? 0);
  expect(pids.filter(isAlive)).toEqual(pids);
  await cluster.stop();
  expect(pids.filter(isAlive)).toEqual([]);
  expect(existsSync(cluster.directory)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
