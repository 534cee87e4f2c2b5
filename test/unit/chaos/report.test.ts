import { describe, expect, it } from 'vitest';
import { markdownTable, plainTable } from '../../../chaos/report/fault-table.ts';
import { drawTimePlot } from '../../../chaos/report/time-plot.ts';
import { verdict } from '../../../chaos/report/verdict.ts';
import type { FaultRecord } from '../../../chaos/proof.ts';

const RECORD: FaultRecord = {
  fault: {
    kind: 'kill-broker',
    targets: ['broker-2'],
    holdMs: 2_500,
    cut: 'reset',
    restMs: 0,
    sessionTimeoutMs: 6_000,
  },
  struckAtMs: 65_000,
  healedAtMs: 67_500,
  recoveredAtMs: 70_000,
  noticed: {
    clientsDisconnected: 12,
    longestAwayMs: 340,
    longestToAckMs: 2_140,
    longestToReceiveMs: 2_260,
  },
  recovery: { membersMs: 900, connectedMs: 1_000, deliveredMs: 1_100, retainedMs: 1_234 },
  failure: undefined,
  violations: 0,
};

describe('the table of faults', () => {
  it('says of each how long clients noticed it', () => {
    const [, , row] = markdownTable([RECORD]).split('\n');
    expect(row).toBe(
      '| 1 | 1:05 | broker-2 killed, started again after 2.5 s | 12 | 340 ms | 2.1 s | 2.3 s | 1.2 s | 0 |',
    );
  });

  it('says when there was no recovery', () => {
    expect(plainTable([{ ...RECORD, recovery: undefined, failure: 'gone' }])).toContain('never');
  });

  it('stands in columns on a terminal', () => {
    const lines = plainTable([RECORD, { ...RECORD, noticed: { ...RECORD.noticed, longestAwayMs: 61_000 } }]);
    expect(new Set(lines.split('\n').map((line) => line.length)).size).toBe(1);
  });
});

describe('a plot over time', () => {
  const svg = drawTimePlot({
    title: 'Delays <of all>',
    lines: [
      {
        name: 'longest',
        points: [
          { atS: 0, value: 1 },
          { atS: 100, value: 1_000 },
        ],
      },
    ],
    bands: [{ label: '1', title: '1. broker-2 killed', fromS: 50, healedS: 60, throughS: 75 }],
    durationS: 100,
    scale: { type: 'logarithmic' },
  });

  it('needs nothing from elsewhere, and says what it shows', () => {
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).not.toMatch(/href|<script|<image/);
    expect(svg).toContain('Delays &lt;of all&gt;');
    expect(svg).toContain('<title>1. broker-2 killed</title>');
  });

  it('goes from the lower left for one millisecond to the upper right for the longest', () => {
    const [first = '', last = ''] = /points="([^"]*)"/.exec(svg)?.[1]?.split(' ') ?? [];
    const [firstX = NaN, firstY = NaN] = first.split(',').map(Number);
    const [lastX = NaN, lastY = NaN] = last.split(',').map(Number);
    expect(lastX).toBeGreaterThan(firstX);
    expect(lastY).toBeLessThan(firstY);
    for (const label of ['1 ms', '10 ms', '100 ms', '1 s']) expect(svg).toContain(`>${label}<`);
  });
});

describe('the verdict in words', () => {
  it('is PASS only when nothing at all speaks against it', () => {
    expect(verdict({ violations: [], failures: [] })).toMatch(/^PASS/);
    expect(verdict({ violations: [], failures: ['kafka ended by itself'] })).toBe(
      'FAIL: kafka ended by itself.',
    );
    const lost = { kind: 'lost', atMs: 0, topic: 'a' } as const;
    expect(verdict({ violations: [lost, lost], failures: [] })).toBe('FAIL: 2 acknowledged and lost.');
  });
});
