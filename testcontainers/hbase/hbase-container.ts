/**
 * Global set-up of the tests that run against HBase in a container: builds the image, starts one container, and tells the tests
 * where it is, in the same words as the set-up of the HBase that runs without a container.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Wait } from 'testcontainers';
import type { TestProject } from 'vitest/node';
import { freePorts } from '../../engines/free-ports.ts';
import { callMaster } from '../../engines/hbase/server-probe.ts';
import { buildHBaseImage } from './hbase-image.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The container in which HBase runs, for tests that look inside. */
    readonly hbaseContainerId: string;
  }
}

const READY_MS_MAX = 240_000;
const READY_POLL_MS = 500;
/** The JVM has begun. */
const FIRST_WORDS = /STARTING service HMaster/;

export default async function startHBaseContainer(project: TestProject): Promise<() => Promise<void>> {
  const progress = (text: string) => console.info(`HBase in a container: ${text}`);
  const image = await buildHBaseImage(progress);
  // The same numbers inside and outside, because HBase tells its clients its ports.
  const [zookeeper = 0, master = 0, regionServer = 0] = await freePorts(3);
  const ports = [zookeeper, master, regionServer].map((port) => ({ container: port, host: port }));
  progress('starting it');
  const container = await image
    .withEnvironment({
      HBASE_ZOOKEEPER_PORT: `${zookeeper}`,
      HBASE_MASTER_PORT: `${master}`,
      HBASE_REGION_SERVER_PORT: `${regionServer}`,
    })
    .withExposedPorts(...ports)
    .withWaitStrategy(Wait.forLogMessage(FIRST_WORDS))
    .withStartupTimeout(READY_MS_MAX)
    .start();
  try {
    progress('waiting until HBase answers');
    await answering(master);
  } catch (error) {
    await container.stop();
    throw error;
  }
  project.provide('zookeeperQuorum', `127.0.0.1:${zookeeper}`);
  project.provide('hbaseContainerId', container.getId());
  return async () => {
    await container.stop();
  };
}

/** Asked from outside, as clients do: a command inside costs a process for every question. */
async function answering(masterPort: number): Promise<void> {
  const deadlineMs = performance.now() + READY_MS_MAX;
  for (;;) {
    try {
      await callMaster(masterPort);
      return;
    } catch (cause) {
      if (performance.now() > deadlineMs)
        throw new Error(`HBase in its container did not answer within ${READY_MS_MAX / 1_000} s`, { cause });
    }
    await sleep(READY_POLL_MS);
  }
}
