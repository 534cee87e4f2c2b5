/** `spoke status`: what the running broker says of itself. */
import type { Command } from 'commander';
import type { BrokerStatus, StartupPhase } from '../../admin/admin-port.ts';
import { adminClient, print, withAdminOptions } from '../admin-command.ts';
import type { AdminOptions } from '../admin-command.ts';
import type { CliContext } from '../cli-context.ts';
import { facts, table, timeText } from '../table.ts';
import type { Column } from '../table.ts';

export function registerStatusCommand(program: Command, context: CliContext): void {
  const command = program.command('status').description('ask the running broker how it is');
  withAdminOptions(command).action(async (options: AdminOptions) => {
    const client = await adminClient(options, context);
    const status = await client.get<BrokerStatus>('/api/v1/status');
    print(status, options, context, () => statusText(status));
  });
}

const PHASES: readonly Column<StartupPhase>[] = [
  { title: 'START', value: ({ phase, done }) => (done ? phase : `${phase} ...`) },
  { title: 'SECONDS', value: ({ ms }) => (ms / 1_000).toFixed(1) },
  { title: 'ITEMS', value: ({ count }) => count?.toLocaleString('en') ?? '-' },
];

function statusText(status: BrokerStatus): string {
  const head = facts([
    [
      'broker',
      status.incarnation === undefined ? status.brokerId : `${status.brokerId} (${status.incarnation})`,
    ],
    ['version', status.version],
    ['started', timeText(status.startedAtMs)],
    ['ready', status.ready ? 'yes' : `no: ${status.reasons.join('; ')}`],
    ...status.listeners.map(({ transport, host, port, path }) => {
      return ['listens', `${transport} ${host}:${port}${path ?? ''}`] as const;
    }),
  ]);
  const columns = [
    { title: 'TENANT', value: (row: BrokerStatus['tenants'][number]) => row.tenant },
    { title: 'CONNECTIONS', value: (row: BrokerStatus['tenants'][number]) => row.connections },
    { title: 'SESSIONS', value: (row: BrokerStatus['tenants'][number]) => row.sessions },
    { title: 'SUBSCRIPTIONS', value: (row: BrokerStatus['tenants'][number]) => row.subscriptions },
    { title: 'RETAINED', value: (row: BrokerStatus['tenants'][number]) => row.retainedMessages },
  ];
  const startup = `${head}\n${table(PHASES, status.startup)}`;
  return status.tenants.length === 0 ? startup : `${startup}\n${table(columns, status.tenants)}`;
}
