import { describe, expect, it, onTestFinished } from 'vitest';
import { failures } from '../../src/fleet/fleet-report.ts';
import { FleetRun } from '../../src/fleet/fleet-run.ts';
import { SeededRandom } from '../../src/fleet/seeded-random.ts';
import type { FleetPlan } from '../../src/fleet/fleet-plan.ts';
import { FaithlessBroker, type Faith } from './faithless-broker.ts';

const SEED = 7;
const DURATION_MS = 400;

/** Four bikes, each unlocked and locked ten times, so that every stream has several messages. */
const PLAN: FleetPlan = {
  commands: Array.from({ length: 80 }, (_none, index) => ({
    atMs: index * 5,
    bike: Math.floor(index / 2) % 4,
    action: index % 2 === 0 ? ('unlock' as const) : ('lock' as const),
    station: 'A',
  })),
  durationMs: DURATION_MS,
  speed: 1,
  trips: 40,
  tripsWithoutBike: 0,
};

async function replayAgainst(faith: Faith) {
  const broker = new FaithlessBroker(faith);
  onTestFinished(() => broker.close());
  const url = new URL(await broker.listen());
  const run = new FleetRun({
    plan: PLAN,
    bikes: 4,
    run: 'test',
    address: { host: url.hostname, port: Number(url.port), tls: false },
    username: undefined,
    password: undefined,
    random: new SeededRandom(SEED),
    broker: undefined,
    kills: 0,
    settleMs: 1_500,
    // The connection loss of a bike would lose what this broker never stores; here only its faith is on trial.
    outages: false,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  return await run.run();
}

const seqOf = (payload: string | Buffer): number => {
  const value: unknown = JSON.parse(payload.toString());
  return typeof value === 'object' && value !== null && 'seq' in value ? Number(value.seq) : 0;
};

describe('a replay', () => {
  it('passes a broker that delivers everything once', async () => {
    const report = await replayAgainst(() => 1);
    expect(failures(report)).toEqual([]);
    expect(report.totals.qos1.acknowledged + report.totals.qos2.acknowledged).toBeGreaterThan(80);
    expect(report.totals.qos2.delivered).toBe(40);
  });

  it('finds a broker out that acknowledges and delivers nothing', async () => {
    const report = await replayAgainst(() => 0);
    expect(report.totals.qos2.lost).toBe(40);
    expect(failures(report).join()).toContain('acknowledged and never delivered');
  });

  it('finds a broker out that loses one message of each topic', async () => {
    const report = await replayAgainst((packet) => (packet.qos === 1 && seqOf(packet.payload) === 2 ? 0 : 1));
    expect(report.totals.qos1.lost).toBeGreaterThan(0);
    expect(report.totals.qos2.lost).toBe(0);
    expect(report.violations.every(({ kind, qos, seq }) => kind === 'lost' && qos === 1 && seq === 2)).toBe(
      true,
    );
  });

  it('finds a broker out that delivers QoS 2 twice', async () => {
    const report = await replayAgainst((packet) => (packet.qos === 2 ? 2 : 1));
    expect(report.totals.qos2).toMatchObject({ lost: 0, duplicated: 40 });
    expect(failures(report)).toEqual(['40 duplicated at QoS 2']);
  });

  it('does not mind a broker that delivers QoS 1 twice', async () => {
    const report = await replayAgainst((packet) => (packet.qos === 1 ? 2 : 1));
    expect(report.totals.qos1.duplicated).toBe(report.totals.qos1.delivered);
    expect(failures(report)).toEqual([]);
  });
});
