/** The ports of a cluster on one machine: what people expect, what they ask for, and the same at every start. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ClusterPorts } from '../../../engines/cluster/cluster-ports.ts';
import { freePorts, isFree } from '../../../engines/free-ports.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const SIZE = {
  brokers: 2,
  metadata: 1,
  haproxy: true,
  caches: false,
  ownEngines: true,
  kafkaBrokers: 3,
} as const;

/** As many as a cluster of that size takes. Other tests choose theirs at the same time, one here and one there. */
const ROW = 20;

const chosen: ClusterPorts[] = [];

afterEach(async () => {
  for (const ports of chosen.splice(0)) await ports.giveAll();
});

async function portsOf(...args: Parameters<typeof ClusterPorts.of>): Promise<ClusterPorts> {
  const ports = await ClusterPorts.of(...args);
  chosen.push(ports);
  return ports;
}

async function freeRow(): Promise<number> {
  for (;;) {
    const [base = 0] = await freePorts(1);
    const row = Array.from({ length: ROW }, (_, step) => base + step);
    if ((await Promise.all(row.map(isFree))).every(Boolean)) return base;
  }
}

describe('ports', () => {
  test('stay what they were, and a broker that comes later gets others', async () => {
    const directory = await temporaryDirectory();
    const first = await portsOf(directory, SIZE, 'free');
    await first.giveAll();
    const later = await portsOf(directory, { ...SIZE, brokers: 3 });
    const names = [
      'haproxy.mqtt',
      'broker-1.mqtt',
      'broker-2.admin',
      'metadata-1.admin',
      'kafka',
      'zookeeper',
    ];
    expect(names.map((name) => later.port(name))).toEqual(names.map((name) => first.port(name)));
    expect(() => first.port('broker-3.mqtt')).toThrow('broker-3.mqtt');
    expect(names.map((name) => first.port(name))).not.toContain(later.port('broker-3.mqtt'));
  });

  test('are nobody else’s until the process starts that they are for', async () => {
    const ports = await portsOf(await temporaryDirectory(), SIZE, 'free');
    const kafka = [0, 1, 2].map((index) => ports.port('kafka') + index);
    const broker = ['mqtt', 'proxiedMqtt', 'proxiedWs', 'admin', 'peer'].map((use) =>
      ports.port(`broker-1.${use}`),
    );
    const areFree = async (of: readonly number[]) => [...new Set(await Promise.all(of.map(isFree)))];
    expect(await areFree([...kafka, ...broker])).toEqual([false]);
    await ports.give('kafka');
    expect(await areFree(kafka)).toEqual([true]);
    await ports.give('broker-1');
    expect(await areFree(broker)).toEqual([true]);
    expect(await areFree([ports.port('broker-2.mqtt'), ports.port('haproxy.mqtt')])).toEqual([false]);
  });

  test('in one row: Kafka’s brokers have theirs side by side', async () => {
    const base = await freeRow();
    const ports = await portsOf(await temporaryDirectory(), { ...SIZE, haproxy: false }, base);
    expect(ports.port('broker-1.mqtt')).toBe(base);
    expect(ports.port('kafka')).toBe(base + 2 * 5 + 1 + 1);
  });

  test('that somebody has are named, with what to do', async () => {
    const base = await freeRow();
    const port = base + 1;
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    const directory = await temporaryDirectory();
    const start = () => portsOf(directory, { ...SIZE, haproxy: false }, base);
    await expect(start()).rejects.toThrow(
      new RegExp(`${port} \\(broker-1.proxiedMqtt\\)(.|\\n)*--base-port`),
    );
    server.close();
    await once(server, 'close');
    // Nothing was decided by the failed start.
    expect((await start()).port('broker-1.proxiedMqtt')).toBe(port);
  });

  test('cannot be chosen twice', async () => {
    const directory = await temporaryDirectory();
    await portsOf(directory, SIZE, 'free');
    await expect(portsOf(directory, SIZE, 'usual')).rejects.toThrow('has its ports already');
  });
});
