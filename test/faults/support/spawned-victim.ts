/** The built broker as a child process, that a test kills and starts again. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { spawnedBroker } from '../../../src/fleet/spawned-broker.ts';
import type { Victim } from '../../crash/support/crash-rig.ts';

export interface SpawnedVictimOptions {
  /** By variable, such as `SPOKE_QUEUES_STORE`. */
  readonly settings: Readonly<Record<string, string>>;
  /** With every kill its data directory is gone, as that of a pod is. */
  readonly losesItsDisk: boolean;
}

/** It is started by the rig. */
export async function spawnedVictim({ settings, losesItsDisk }: SpawnedVictimOptions): Promise<Victim> {
  const broker = await spawnedBroker({
    environment: process.env,
    settings: { ...settings, SPOKE_LOG_FORMAT: 'json' },
    // The port is the one thing a seed cannot repeat: another test may have it.
    random: Math.random,
  });
  return {
    port: broker.port,
    evidence: broker.directory,
    start: () => broker.child.start(),
    kill: async () => {
      await broker.child.kill();
      if (losesItsDisk) await rm(join(broker.directory, 'data'), { recursive: true });
    },
    dispose: async (failed) => {
      await broker.child.kill();
      if (!failed) await broker.remove();
      expect(broker.child.crash).toBeUndefined();
    },
  };
}
