/** `spoke queue list|show|purge`. */
import type { Command } from 'commander';
import type { QueueDetail, QueueSummary } from '../../admin/admin-port.ts';
import {
  adminClient,
  everyTenantOption,
  limitOption,
  print,
  tellIfMore,
  tenantOption,
  withAdminOptions,
} from '../admin-command.ts';
import type { AdminOptions, ListOptions, TenantOption } from '../admin-command.ts';
import { printable } from '../../app/printable.ts';
import type { CliContext } from '../cli-context.ts';
import { facts, table, timeText } from '../table.ts';
import type { Column } from '../table.ts';

const COLUMNS: readonly Column<QueueSummary>[] = [
  { title: 'TENANT', value: ({ tenant }) => tenant },
  { title: 'CLIENT', value: ({ clientId }) => clientId ?? '(session ended)' },
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'SESSION', value: ({ sessionId }) => sessionId },
  { title: 'MESSAGES', value: ({ messages }) => messages },
  { title: 'BYTES', value: ({ bytes }) => bytes },
];

const HEAD_COLUMNS: readonly Column<QueueDetail['head'][number]>[] = [
  { title: 'SEQ', value: ({ seq }) => seq },
  { title: 'QOS', value: ({ qos }) => qos },
  { title: 'BYTES', value: ({ payloadBytes }) => payloadBytes },
  { title: 'PUBLISHED', value: ({ publishedAtMs }) => timeText(publishedAtMs) },
  { title: 'EXPIRES', value: ({ expiresAtMs }) => timeText(expiresAtMs) },
  { title: 'TOPIC', value: ({ topic }) => topic },
];

export function registerQueueCommand(program: Command, context: CliContext): void {
  const queue = program.command('queue').description('look at the queues of persistent sessions, empty them');

  withAdminOptions(queue.command('list').description('list queues that hold messages'))
    .addOption(everyTenantOption())
    .addOption(limitOption())
    .action(async (options: ListOptions) => {
      const client = await adminClient(options, context);
      const query = { tenant: options.tenant };
      const { items, more } = await client.list<QueueSummary>('/api/v1/queues', query, options.limit);
      print(items, options, context, () => table(COLUMNS, items));
      tellIfMore(more, options, context);
    });

  withAdminOptions(queue.command('show <client>').description('show the queue of one client'))
    .addOption(tenantOption())
    .action(async (client: string, options: AdminOptions & TenantOption) => {
      const admin = await adminClient(options, context);
      const detail = await admin.get<QueueDetail>('/api/v1/queue', { client, tenant: options.tenant });
      print(detail, options, context, () => queueText(detail));
    });

  withAdminOptions(
    queue.command('purge <client>').description('remove every message that waits for one client'),
  )
    .addOption(tenantOption())
    .action(async (client: string, options: AdminOptions & TenantOption) => {
      const admin = await adminClient(options, context);
      const query = { client, tenant: options.tenant };
      const purged = await admin.delete<{ messages: number }>('/api/v1/queue/messages', query);
      print(purged, options, context, () => `${printable(client)}: ${purged.messages} messages removed\n`);
    });
}

function queueText(queue: QueueDetail): string {
  const { quota } = queue;
  const head = facts([
    ['client', queue.clientId ?? '(session ended)'],
    ['tenant', queue.tenant],
    ['session', queue.sessionId],
    ['messages', `${queue.messages} of at most ${quota.messagesMax}`],
    ['bytes', `${queue.bytes} of at most ${quota.bytesMax}`],
    ['when full', quota.policy],
    ['positions', queue.messages === 0 ? `next is ${queue.next}` : `${queue.min} to ${queue.next - 1}`],
  ]);
  return queue.head.length === 0 ? head : `${head}\n${table(HEAD_COLUMNS, queue.head)}`;
}
