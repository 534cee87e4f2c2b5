import { describe, expect, it } from 'vitest';
import { failures, formatReport, type FleetReport } from '../../src/fleet/fleet-report.ts';
import type { LedgerTotals } from '../../src/fleet/ledger.ts';

const TOTALS: LedgerTotals = {
  published: 1_200,
  acknowledged: 1_200,
  refused: 0,
  unanswered: 0,
  delivered: 1_200,
  unacknowledgedDelivered: 0,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  phantom: 0,
};

const SILENT: LedgerTotals = { ...TOTALS, acknowledged: 0, refused: 1_200 };

const KEPT: FleetReport = {
  seed: 11,
  bikes: 40,
  clients: 42,
  trips: 420,
  speed: 1_000,
  rideMs: 60_000,
  settledAfterMs: 300,
  totals: { qos0: { ...TOTALS, acknowledged: 0 }, qos1: TOTALS, qos2: TOTALS },
  violations: [],
  skipped: 0,
  foreign: 0,
  misdelivered: 0,
  sessionsForgotten: 0,
  brokerCrash: undefined,
  complaints: {},
  delayMs: { median: 2, p99: 1_500, worst: 9_000 },
  onlineDelayMs: { median: 1, p99: 20, worst: 80 },
  kills: [
    { atMs: 1_000, readyAfterMs: 210 },
    { atMs: 2_000, readyAfterMs: 340 },
  ],
};

const at = (qos: 'qos0' | 'qos1' | 'qos2', change: Partial<LedgerTotals>): FleetReport => ({
  ...KEPT,
  totals: { ...KEPT.totals, [qos]: { ...KEPT.totals[qos], ...change } },
});

describe('the report of a replay', () => {
  it('passes when every promise was kept, QoS 1 duplicates and QoS 0 losses included', () => {
    expect(failures(at('qos1', { duplicated: 7 }))).toEqual([]);
    expect(failures(at('qos0', { delivered: 3 }))).toEqual([]);
    expect(formatReport(KEPT)).toContain('PASS');
    expect(formatReport(KEPT)).toContain('killed 2 times, ready again after at most 340 ms');
  });

  it.each<[string, FleetReport]>([
    ['1 acknowledged and never delivered', at('qos1', { lost: 1 })],
    ['2 acknowledged and never delivered', at('qos2', { lost: 2 })],
    ['3 delivered out of order', at('qos0', { reordered: 3 })],
    ['4 duplicated at QoS 2', at('qos2', { duplicated: 4 })],
    ['5 duplicated at QoS 0', at('qos0', { duplicated: 5 })],
    ['6 delivered but never published', at('qos1', { phantom: 6 })],
    ['7 publishes never answered', at('qos2', { unanswered: 7 })],
    ['8 persistent sessions forgotten', { ...KEPT, sessionsForgotten: 8 }],
    ['9 delivered with another QoS', { ...KEPT, misdelivered: 9 }],
    ['not all clients came back', { ...KEPT, settledAfterMs: undefined }],
    ['the broker ended by itself', { ...KEPT, brokerCrash: 'the broker ended by itself with exit code 1' }],
    ['nothing was proven', { ...KEPT, totals: { qos0: SILENT, qos1: SILENT, qos2: SILENT } }],
  ])('fails on: %s', (text, report) => {
    expect(failures(report)).toHaveLength(1);
    expect(failures(report)[0]).toContain(text);
    expect(formatReport(report)).toMatch(/^FAIL/m);
  });

  it('names the message and the seed to look further', () => {
    const text = formatReport({
      ...at('qos2', { lost: 1 }),
      violations: [{ kind: 'lost', topic: 'fleet/bike-01/cmd/lock', qos: 2, subscriber: 'bike-01', seq: 3 }],
    });
    expect(text).toContain('lost: message 3 of fleet/bike-01/cmd/lock at QoS 2 to bike-01');
    expect(text).toContain('--seed 11');
  });
});
