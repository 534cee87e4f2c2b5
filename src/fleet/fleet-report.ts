/** What a replay found out, and how it is told: a verdict, one table, and leads when a promise was broken. */
import type { LedgerTotals, Violation } from './ledger.ts';
import type { KillRecord } from './outages.ts';

export interface Delays {
  readonly median: number;
  readonly p99: number;
  readonly worst: number;
}

/** Also the JSON that `--json` and `--report` write. Times in milliseconds. */
export interface FleetReport {
  readonly seed: number;
  readonly bikes: number;
  readonly clients: number;
  readonly trips: number;
  readonly speed: number;
  readonly rideMs: number;
  /** Undefined: something was still owed when the settle phase ran into its deadline. */
  readonly settledAfterMs: number | undefined;
  readonly totals: { readonly qos0: LedgerTotals; readonly qos1: LedgerTotals; readonly qos2: LedgerTotals };
  readonly violations: readonly Violation[];
  readonly skipped: number;
  readonly foreign: number;
  readonly misdelivered: number;
  readonly sessionsForgotten: number;
  readonly brokerCrash: string | undefined;
  readonly complaints: Readonly<Record<string, number>>;
  readonly delayMs: Delays;
  readonly onlineDelayMs: Delays;
  readonly kills: readonly KillRecord[];
}

/** Every broken promise in words; empty when all were kept. */
export function failures(report: FleetReport): readonly string[] {
  const { qos0, qos1, qos2 } = report.totals;
  const sum = (field: keyof LedgerTotals) => qos0[field] + qos1[field] + qos2[field];
  const found: readonly (readonly [number, string])[] = [
    [sum('lost'), 'acknowledged and never delivered'],
    [sum('reordered'), 'delivered out of order'],
    [qos0.duplicated, 'duplicated at QoS 0'],
    [qos2.duplicated, 'duplicated at QoS 2'],
    [sum('phantom'), 'delivered but never published'],
    [report.misdelivered, 'delivered with another QoS than granted'],
    [report.sessionsForgotten, 'persistent sessions forgotten'],
    [sum('unanswered'), 'publishes never answered'],
  ];
  const texts = found.filter(([count]) => count > 0).map(([count, what]) => `${grouped(count)} ${what}`);
  if (sum('acknowledged') === 0) texts.push('nothing was acknowledged, so nothing was proven');
  if (report.settledAfterMs === undefined && texts.length === 0) texts.push('not all clients came back');
  if (report.brokerCrash !== undefined) texts.push(report.brokerCrash);
  return texts;
}

const ROWS: readonly (readonly [string, keyof LedgerTotals])[] = [
  ['published', 'published'],
  ['acknowledged', 'acknowledged'],
  ['refused', 'refused'],
  ['never answered', 'unanswered'],
  ['delivered', 'delivered'],
  ['  of these unacknowledged', 'unacknowledgedDelivered'],
  ['LOST', 'lost'],
  ['REORDERED', 'reordered'],
  ['duplicated', 'duplicated'],
];
const LABEL_WIDTH = 26;
const CELL_WIDTH = 12;

export function formatReport(report: FleetReport): string {
  const { qos0, qos1, qos2 } = report.totals;
  const lines = [
    `${grouped(report.trips)} trips on ${grouped(report.bikes)} bikes, ${grouped(Math.round(report.speed))} times faster ` +
      `than the city, in ${seconds(report.rideMs)} (seed ${report.seed})`,
    '',
    row('', ['QoS 0', 'QoS 1', 'QoS 2']),
    ...ROWS.map(([label, field]) => row(label, [qos0[field], qos1[field], qos2[field]].map(cell(field)))),
    '',
    `delay, QoS 1 and 2        ${delayText(report.delayMs)}`,
    `  to connected clients    ${delayText(report.onlineDelayMs)}`,
    `broker                    ${killText(report.kills)}`,
    `settled                   ${settledText(report)}`,
    ...notes(report),
    '',
    verdict(report),
  ];
  return `${lines.join('\n')}\n`;
}

function verdict(report: FleetReport): string {
  const broken = failures(report);
  if (broken.length === 0) return 'PASS: nothing acknowledged was lost, reordered or, at QoS 2, duplicated.';
  const leads = report.violations.map(
    ({ kind, topic, qos, subscriber, seq }) =>
      `  ${kind}: message ${seq} of ${topic} at QoS ${qos} to ${subscriber}`,
  );
  return [`FAIL: ${broken.join('; ')}.`, ...leads, `Run again with --seed ${report.seed}.`].join('\n');
}

function notes(report: FleetReport): readonly string[] {
  const complaints = Object.entries(report.complaints).map(
    ([complaint, count]) => `complaint                 ${complaint} (${grouped(count)} times)`,
  );
  if (report.skipped > 0) {
    complaints.push(
      `not published             ${grouped(report.skipped)} (bike offline at QoS 0, or its backlog full)`,
    );
  }
  if (report.foreign > 0)
    complaints.push(`of other runs             ${grouped(report.foreign)} deliveries, not counted`);
  return complaints;
}

/** A dash where the standard promises nothing, so that a zero always means something. */
function cell(field: keyof LedgerTotals): (count: number, qos: number) => string {
  const promisedFromQos1 = ['acknowledged', 'refused', 'unanswered', 'unacknowledgedDelivered', 'lost'];
  return (count, qos) => (qos === 0 && promisedFromQos1.includes(field) ? '–' : grouped(count));
}

function row(label: string, cells: readonly string[]): string {
  return label.padEnd(LABEL_WIDTH) + cells.map((text) => text.padStart(CELL_WIDTH)).join('');
}

function delayText({ median, p99, worst }: Delays): string {
  return `median ${duration(median)}, p99 ${duration(p99)}, worst ${duration(worst)}`;
}

function killText(kills: readonly KillRecord[]): string {
  if (kills.length === 0) return 'never killed';
  const slowest = Math.max(...kills.map((kill) => kill.readyAfterMs));
  return `killed ${grouped(kills.length)} times, ready again after at most ${duration(slowest)}`;
}

function settledText({ settledAfterMs }: FleetReport): string {
  return settledAfterMs === undefined ? 'not before the deadline' : `after ${duration(settledAfterMs)}`;
}

function duration(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : seconds(ms);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
