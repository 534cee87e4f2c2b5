import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Proof, type Pace, type ProofResult, type ProvenCluster } from '../../chaos/proof.ts';
import type { PlannedFault } from '../../chaos/faults/planned-fault.ts';
import { writeReport } from '../../chaos/report/report-files.ts';
import { brokenPromises, verdict } from '../../chaos/report/verdict.ts';
import { SeededRandom } from '../../src/fleet/seeded-random.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { LyingProxy, type Lie } from './lying-proxy.ts';

const SEED = 11;
const PACE: Pace = {
  assembleMs: 20_000,
  calmMs: 2_000,
  recoveryMs: 30_000,
  retainedMs: 10_000,
  quietMs: 300,
};
/** What is lost is waited for in vain. */
const LIAR_PACE: Pace = { ...PACE, calmMs: 3_000, recoveryMs: 4_000 };
const RESTART: PlannedFault = {
  kind: 'rolling-restart',
  targets: ['broker-1'],
  holdMs: 0,
  cut: 'reset',
  restMs: 0,
  sessionTimeoutMs: 6_000,
};

interface Evidence {
  readonly violations: readonly {
    readonly violation: { readonly kind: string; readonly topic: string; readonly seq: number };
    readonly message: readonly { readonly type: string }[];
  }[];
}

/** A cluster of one broker in this process, which clients reach through `port`. */
function clusterOf(broker: RunningBroker, port: number): ProvenCluster {
  const impossible = () => {
    throw new Error('nothing of the kind happens to this cluster');
  };
  return {
    front: undefined,
    brokerAddresses: new Map([['broker-1', { host: '127.0.0.1', port, tls: false }]]),
    crashes: [],
    missing: () => Promise.resolve([]),
    restart: () => broker.restart(),
    waitReady: () => Promise.resolve(),
    kill: impossible,
    startAgain: impossible,
    pause: impossible,
    resume: impossible,
    portsOf: impossible,
    switchboard: impossible,
  };
}

async function prove(
  faults: readonly PlannedFault[],
  lies: readonly Lie[],
  pace: Pace,
): Promise<ProofResult> {
  const broker = await RunningBroker.forTest();
  const proxy = await LyingProxy.start(broker.port(), 'depot', lies);
  onTestFinished(() => {
    proxy.close();
  });
  const proof = new Proof({
    cluster: clusterOf(broker, proxy.port),
    random: new SeededRandom(SEED),
    bikes: 10,
    rates: { telemetryPerS: 60, statesPerS: 20, commandsPerS: 20 },
    faults,
    lastFaultMs: 60_000,
    signal: new AbortController().signal,
    pace,
    say: () => undefined,
  });
  return await proof.run();
}

describe('a proof', () => {
  it('passes an honest broker that is restarted under it, and says what clients noticed', async () => {
    const result = await prove([RESTART], [], PACE);
    expect(verdict(result)).toMatch(/^PASS/);
    expect(result.totals.qos1.acknowledged + result.totals.qos2.acknowledged).toBeGreaterThan(100);
    expect(result.totals.qos2.delivered).toBeGreaterThan(result.totals.qos2.acknowledged);
    expect(result.wills.arrived).toBe(result.wills.owed);
    const { noticed, recovery } = result.faults[0]!;
    expect(noticed.clientsDisconnected).toBe(result.steadyClients);
    expect(noticed.longestAwayMs).toBeGreaterThan(0);
    expect(recovery?.deliveredMs).toBeGreaterThan(0);
  });

  it('finds a single message lost, doubled or overtaken among all the others, and gives evidence', async () => {
    const result = await prove([], ['lose', 'double', 'swap'], LIAR_PACE);
    expect(result.violations.map(({ kind, receiver }) => `${kind} ${receiver}`).sort()).toEqual([
      'duplicated depot',
      'lost depot',
      'reordered depot',
    ]);
    expect(brokenPromises(result)).toHaveLength(4);
    const directory = await mkdtemp(join(tmpdir(), 'spoke-proof-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeReport(directory, result, 'spoke prove');
    const files = ['acknowledgement.svg', 'connected.svg', 'evidence.json', 'receipt.svg', 'report.md'];
    expect((await readdir(directory)).sort()).toEqual(files);
    const lost = result.violations.find(({ kind }) => kind === 'lost')!;
    const evidence = JSON.parse(await readFile(join(directory, 'evidence.json'), 'utf8')) as Evidence;
    const about = evidence.violations.find(({ violation }) => violation.kind === 'lost')!;
    expect(about.violation).toMatchObject({ seq: lost.seq, topic: lost.topic });
    expect(about.message.map(({ type }) => type)).toContain('acknowledged');
  });
});
