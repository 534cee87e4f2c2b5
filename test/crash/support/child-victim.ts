/** The built broker as a child process, on a real disk, with thresholds so small that it is never at rest. */
import { expect } from 'vitest';
import { spawnedBroker } from '../../../src/fleet/spawned-broker.ts';
import type { Victim } from './crash-rig.ts';

/** The smallest segments the configuration allows. */
const SEGMENT_BYTES = 65_536;

/** Checkpoints and compactions are always under way when a kill comes. */
const RESTLESS_SETTINGS: Readonly<Record<string, string>> = {
  SPOKE_SNAPSHOT_EVERY_RECORDS: '4',
  SPOKE_SNAPSHOT_EVERY_MS: '20',
  SPOKE_STORAGE_SEGMENT_BYTES: `${SEGMENT_BYTES}`,
  SPOKE_LOG_LEVEL: 'info',
  SPOKE_LOG_FORMAT: 'json',
};

export async function childVictim(): Promise<Victim> {
  const broker = await spawnedBroker({
    environment: process.env,
    settings: RESTLESS_SETTINGS,
    // The port is the one thing a seed cannot repeat: another test may have it.
    random: Math.random,
  });
  return {
    port: broker.port,
    evidence: broker.directory,
    start: () => broker.child.start(),
    kill: () => broker.child.kill(),
    dispose: async (failed) => {
      await broker.child.kill();
      if (!failed) await broker.remove();
      expect(broker.child.crash).toBeUndefined();
    },
  };
}
