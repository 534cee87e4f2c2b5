/** The report of one proof as a page. */
import type { Band } from './time-plot.ts';
import { faultText } from '../faults/planned-fault.ts';
import type { StreamTotals } from '../judge/stream.ts';
import type { ProofResult } from '../proof.ts';
import { clockText, markdownTable, secondsText } from './fault-table.ts';
import { countOf, verdict } from './verdict.ts';

export interface PlotFile {
  readonly file: string;
  readonly title: string;
}

export function reportPage(result: ProofResult, command: string, plots: readonly PlotFile[]): string {
  const { faults, durationMs, received, acknowledged } = result;
  const lines = [
    `**${verdict(result)}**`,
    '',
    `${result.brokers} brokers, ${result.clients} clients, ${clockText(durationMs)} minutes, ${faults.length} faults; made with`,
    '',
    '```sh',
    command,
    '```',
    '',
    markdownTable(faults),
    '',
    'Counted are clients that lose their connection only when something else goes wrong. *Longest without connection*: of one client, from',
    'the loss to the next CONNACK. *Longest to acknowledgement* and *to receipt*: from the moment a message was handed to the client library,',
    'times without a connection included. *Recovered after*: from the moment the fault was undone until every process served, every client',
    'was connected, everything acknowledged until then had arrived, and all brokers showed the same retained messages.',
    '',
    ...plots.flatMap(({ file, title }) => [`![${title}](${file})`, '']),
    'Bands are the faults by number, darker while they last, lighter until everybody has recovered.',
    '',
    '|  | QoS 1 | QoS 2 |',
    '| --- | --: | --: |',
    ...totalRows(result),
    '',
    `Wills: ${result.wills.owed} connections ended without DISCONNECT, ${result.wills.arrived} of them left their will, ` +
      `${countOf(result, 'willDuplicated')} twice; ${result.wills.unsure} more came from connections whose CONNACK was never seen.`,
    `From publishing to receipt: median ${secondsText(received.quantileMs(0.5))}, 99 % within ${secondsText(received.quantileMs(0.99))}; ` +
      `to acknowledgement: median ${secondsText(acknowledged.quantileMs(0.5))}, 99 % within ${secondsText(acknowledged.quantileMs(0.99))}.`,
    '',
  ];
  return lines.join('\n');
}

export function bandsOf({ faults }: ProofResult): readonly Band[] {
  return faults.map(({ fault, struckAtMs, healedAtMs, recoveredAtMs }, index) => ({
    label: `${index + 1}`,
    title: `${index + 1}. ${faultText(fault)}`,
    fromS: struckAtMs / 1000,
    healedS: healedAtMs / 1000,
    throughS: recoveredAtMs / 1000,
  }));
}

function totalRows(result: ProofResult): readonly string[] {
  const { qos1, qos2 } = result.totals;
  const row = (label: string, count: (totals: StreamTotals) => number) =>
    `| ${label} | ${count(qos1).toLocaleString('en-US')} | ${count(qos2).toLocaleString('en-US')} |`;
  const broken = (kind: 'lost' | 'duplicated' | 'reordered', qos: 1 | 2) =>
    result.violations.filter((violation) => violation.kind === kind && violation.qos === qos).length;
  return [
    row('published', ({ published }) => published),
    row('acknowledged', ({ acknowledged }) => acknowledged),
    row('refused', ({ refused }) => refused),
    row('delivered, each receiver counted', ({ delivered }) => delivered),
    row('delivered again', ({ repeated }) => repeated),
    row('owed to a transient session when its connection was lost', ({ forgiven }) => forgiven),
    `| **acknowledged and lost** | ${broken('lost', 1)} | ${broken('lost', 2)} |`,
    `| **doubled** | allowed | ${broken('duplicated', 2)} |`,
    `| **reordered** | ${broken('reordered', 1)} | ${broken('reordered', 2)} |`,
  ];
}
