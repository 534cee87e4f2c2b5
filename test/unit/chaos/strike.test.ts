import { describe, expect, it } from 'vitest';
import { strike } from '../../../chaos/faults/strike.ts';
import type { FaultKind, PlannedFault } from '../../../chaos/faults/planned-fault.ts';

/** What is done to a cluster of `broker-N` (peer port N) and others (port 90), in order. */
async function courseOf(kind: FaultKind, ...targets: readonly string[]): Promise<readonly string[]> {
  const steps: string[] = [];
  const note = (step: string) => (name: string) => void steps.push(`${step} ${name}`);
  const noted = (step: string) => (name: string) => {
    note(step)(name);
    return Promise.resolve();
  };
  const fault: PlannedFault = {
    kind,
    targets,
    holdMs: 10_000,
    cut: 'silent',
    restMs: 0,
    sessionTimeoutMs: 6_000,
  };
  await strike(
    fault,
    {
      kill: noted('kill'),
      startAgain: noted('start'),
      restart: noted('restart'),
      waitReady: noted('ready'),
      pause: note('pause'),
      resume: note('resume'),
      portsOf: (name) => [name.startsWith('broker-') ? Number(name.slice(-1)) : 90],
      switchboard: (name) => ({
        cut: (ports, how) => void steps.push(`${name} cut from ${ports.join()} ${how}`),
        mend: () => void steps.push(`${name} mended`),
      }),
    },
    {
      hold: (ms) => Promise.resolve(void steps.push(`${ms} ms`)),
      deposed: note('deposed'),
      healing: () => void steps.push('healing'),
    },
  );
  return steps;
}

describe('a strike', () => {
  it('kills all at once, and starts them again', async () => {
    expect(await courseOf('kill-two-brokers', 'broker-1', 'broker-2')).toEqual([
      'kill broker-1',
      'kill broker-2',
      '10000 ms',
      'healing',
      'start broker-1',
      'start broker-2',
    ]);
  });

  it('says of a stopped broker that it is deposed before it wakes', async () => {
    expect(await courseOf('pause-broker', 'broker-1')).toEqual([
      'pause broker-1',
      '10000 ms',
      'deposed broker-1',
      'healing',
      'resume broker-1',
    ]);
  });

  it('says of a broker without ZooKeeper that it is deposed when its session is over', async () => {
    expect(await courseOf('cut-zookeeper', 'broker-1', 'zookeeper')).toEqual([
      'broker-1 cut from 90 silent',
      '6500 ms',
      'deposed broker-1',
      '3500 ms',
      'healing',
      'broker-1 mended',
    ]);
  });

  it('cuts brokers from each other at both ends', async () => {
    expect(await courseOf('cut-brokers', 'broker-1', 'broker-2')).toEqual([
      'broker-1 cut from 2 silent',
      'broker-2 cut from 1 silent',
      '10000 ms',
      'healing',
      'broker-1 mended',
      'broker-2 mended',
    ]);
  });

  it('cuts one broker from all servers of a store', async () => {
    expect(await courseOf('cut-hbase', 'broker-3', 'hbase-master', 'region-server-1')).toEqual([
      'broker-3 cut from 90,90 silent',
      '10000 ms',
      'healing',
      'broker-3 mended',
    ]);
  });

  it('restarts one after the other, each when the one before serves', async () => {
    expect(await courseOf('rolling-restart', 'broker-1', 'kafka')).toEqual([
      'restart broker-1',
      'ready broker-1',
      'restart kafka',
      'ready kafka',
      'healing',
    ]);
  });
});
