/** `spoke members`: the brokers of the cluster as the running one knows them. */
import type { Command } from 'commander';
import type { ClusterMembers, MemberSummary } from '../../admin/admin-port.ts';
import { adminClient, print, withAdminOptions } from '../admin-command.ts';
import type { AdminOptions } from '../admin-command.ts';
import type { CliContext } from '../cli-context.ts';
import { table, timeText } from '../table.ts';
import type { Column } from '../table.ts';

const COLUMNS: readonly Column<MemberSummary>[] = [
  { title: 'BROKER', value: ({ brokerId }) => brokerId },
  { title: 'INCARNATION', value: ({ incarnation }) => incarnation },
  { title: 'STATE', value: stateText },
  { title: 'SINCE', value: ({ sinceMs }) => timeText(sinceMs) },
  { title: 'LINK', value: linkText },
  { title: 'FOR PEERS', value: ({ peerAddress }) => peerAddress },
  { title: 'FOR CLIENTS', value: ({ serverReference }) => serverReference ?? '-' },
];

export function registerMembersCommand(program: Command, context: CliContext): void {
  const command = program.command('members').description('show the brokers of the cluster');
  withAdminOptions(command).action(async (options: AdminOptions) => {
    const client = await adminClient(options, context);
    const cluster = await client.get<ClusterMembers>('/api/v1/members');
    print(cluster, options, context, () => membersText(cluster));
  });
}

function membersText({ clustered, members }: ClusterMembers): string {
  if (!clustered)
    return 'This broker is alone: it has an event log of its own (eventLog.store: embedded), which no other broker can share.\n';
  const isAlone = !members.some(({ self, state }) => !self && state !== 'down');
  return table(COLUMNS, members) + (isAlone ? '\nNo other broker is alive.\n' : '');
}

function stateText({ state, draining }: MemberSummary): string {
  return draining && state !== 'down' ? `${state}, draining` : state;
}

function linkText({ self, linkUp }: MemberSummary): string {
  if (self) return 'this broker';
  if (linkUp === undefined) return '-';
  return linkUp ? 'up' : 'down';
}
