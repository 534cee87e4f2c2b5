/** One line for each fault: what happened, and how long clients noticed it. */
import { faultText } from '../faults/planned-fault.ts';
import type { FaultRecord } from '../proof.ts';

const HEAD = [
  '#',
  'at',
  'fault',
  'clients disconnected',
  'longest without connection',
  'longest to acknowledgement',
  'longest to receipt',
  'recovered after',
  'broken promises',
] as const;

export function faultRows(records: readonly FaultRecord[]): readonly (readonly string[])[] {
  return records.map(({ fault, struckAtMs, noticed, recovery, violations }, index) => [
    `${index + 1}`,
    clockText(struckAtMs),
    faultText(fault),
    `${noticed.clientsDisconnected}`,
    secondsText(noticed.longestAwayMs),
    secondsText(noticed.longestToAckMs),
    secondsText(noticed.longestToReceiveMs),
    recovery === undefined ? 'never' : secondsText(recovery.retainedMs),
    `${violations}`,
  ]);
}

export function markdownTable(records: readonly FaultRecord[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const align = HEAD.map((_head, column) => (column === 2 ? '---' : '--:'));
  return [line(HEAD), line(align), ...faultRows(records).map(line)].join('\n');
}

export function plainTable(records: readonly FaultRecord[]): string {
  const rows = [HEAD, ...faultRows(records)];
  const widths = HEAD.map((_head, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join('  ')).join('\n');
}

export function clockText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

export function secondsText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
