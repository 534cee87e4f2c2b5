/** What `npm run cluster` prints of a cluster: a table of its processes, and how to use it. */
import { relative } from 'node:path';
import { commandFor } from './cluster-directory.ts';
import type { MemberReport } from './control-socket.ts';

const TITLES = ['NAME', 'STATE', 'PROCESS', 'PORTS', 'SINCE', 'LOG'] as const;
const GAP = '  ';
const IDLE = new Set(['redis', 'mysql']);

export function statusText(members: readonly MemberReport[]): string {
  const rows = members.map((member) => [
    member.name,
    stateOf(member),
    member.pid === undefined ? '-' : `${member.pid}`,
    portsOf(member),
    // To the second.
    member.startedAt.replace(/\.\d+Z$/, 'Z'),
    shortPath(member.log),
  ]);
  const widths = TITLES.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)),
  );
  const lines = [[...TITLES], ...rows].map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
  const idle = members.filter(({ name }) => IDLE.has(name)).map(({ name }) => name);
  const note =
    idle.length === 0
      ? []
      : ['', `The brokers do not use ${idle.join(' and ')} unless their configuration says so.`];
  return [...lines, ...note].join('\n');
}

/** Where clients connect, and what to try first. */
export function usageText(directory: string, members: readonly MemberReport[]): string {
  const front = members.find(({ kind }) => kind === 'haproxy')?.ports;
  const brokers = members.filter(({ kind }) => kind === 'broker');
  const mqtt = front?.['mqtt'] ?? brokers[0]?.ports['mqtt'] ?? 0;
  const at = `-h 127.0.0.1 -p ${mqtt}`;
  return [
    front === undefined
      ? `Clients connect to a broker, such as mqtt://127.0.0.1:${mqtt}. Try:`
      : `Clients connect to mqtt://127.0.0.1:${mqtt} or ws://127.0.0.1:${front['ws'] ?? 0}/mqtt, and HAProxy chooses a broker. Try:`,
    '',
    // Away and back: what it missed was kept, and any broker has it.
    `  npx mqtt sub ${at} -i reader --no-clean -q 1 -t 'hello/#' -v       # end it with Ctrl-C`,
    `  npx mqtt pub ${at} -q 1 -t hello/world -m 'sent while the reader is away'`,
    `  npx mqtt sub ${at} -i reader --no-clean -q 1 -t 'hello/#' -v`,
    `  ${commandFor(directory, 'kill broker-1')}      # from another terminal; it comes back by itself`,
    `  ${commandFor(directory, 'logs broker-1 -f')}   # or status, restart NAME, stop, --help`,
  ].join('\n');
}

/** running: the process exists, and does not answer as it should. */
function stateOf({ state, ready }: MemberReport): string {
  if (ready) return 'ready';
  return state === 'running' ? 'not ready' : state;
}

function portsOf({ ports }: MemberReport): string {
  const entries = Object.entries(ports);
  const [only] = entries;
  if (entries.length === 1 && only?.[0] === 'client') return `${only[1]}`;
  return entries.map(([use, port]) => `${use} ${port}`).join(', ');
}

function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}
